"""The close: how many invoices it `sealed`, what stayed `unpriced` and in which `buckets`, and the
`outcomes` of accounts. With `closers = 2`, two of them close at once, and seal that many between them.

`outcomes = [{ customer, start, outcome, reason, next_action }]`: every account that the close sealed, held or
parked, by customer and period; `start` may be left out, and `reason` and `next_action` are parts of what is
printed. An account that is not due is told only where the story wants to.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from tests.scenarios.frame import Playing, Told, Verb
from tieout.close.account import AccountOutcome, recorded
from tieout.close.outcome import OutcomeName
from tieout.flows.close_periods import CloseReport, close
from tieout.flows.count_buckets import BucketRow
from tieout.flows.measure_usage import usage
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import format_instant, parse_instant
from tieout.wiring import SteppedClock, open_home


def close_all(playing: Playing, step: Told) -> None:
    assert step["close"] is True
    if "closers" in step:
        assert _closed_at_once(playing, step) == step["sealed"]
        return
    report = close(
        playing.stage.home, as_of=parse_instant(step["at"]), customers=_chosen(step), dry_run=False
    )
    assert len(report.invoices) == step.get("sealed", len(report.invoices)), report.outcomes
    unpriced = {row.meter: row.unpriced for row in report.buckets if row.unpriced}
    assert unpriced == step.get("unpriced", unpriced)
    if "buckets" in step:
        assert [_bucket_of(bucket) for bucket in report.buckets] == step["buckets"]
    if "outcomes" in step:
        _check_outcomes(report, step["outcomes"])


def _closed_at_once(playing: Playing, step: Told) -> int:
    """How many invoices were sealed by all of them; each has a home of its own, on the same data."""
    together = Barrier(step["closers"])

    def one(_: int) -> int:
        with open_home(playing.stage.folder, clock=SteppedClock(parse_instant(step["at"]))) as home:
            together.wait(timeout=60)
            return len(close(home, as_of=parse_instant(step["at"]), customers=None, dry_run=False).invoices)

    with ThreadPoolExecutor(step["closers"]) as closers:
        return sum(closers.map(one, range(step["closers"])))


def _chosen(step: Told) -> tuple[CustomerId, ...] | None:
    return tuple(CustomerId(key) for key in step["customers"]) if "customers" in step else None


def _check_outcomes(report: CloseReport, told: list[Told]) -> None:
    """In the order of the report; the words are parts of what is printed."""
    tells_not_due = {each["customer"] for each in told if each["outcome"] == OutcomeName.NOT_DUE.value}
    found = [
        recorded(AccountOutcome(customer, period, outcome)) for customer, period, outcome in report.outcomes
    ]
    found = [
        each for each in found if each.outcome is not OutcomeName.NOT_DUE or each.customer in tells_not_due
    ]
    assert [(each.customer, each.outcome.value) for each in found] == [
        (each["customer"], each["outcome"]) for each in told
    ], found
    for each, wanted in zip(found, told, strict=True):
        assert set(wanted) <= {"customer", "start", "outcome", "reason", "next_action"}
        if "start" in wanted:
            assert each.period is not None
            assert format_instant(each.period.start) == wanted["start"]
        assert wanted.get("reason", "") in each.reason, each.reason
        assert wanted.get("next_action", "") in each.next_action, each.next_action


def _bucket_of(bucket: BucketRow) -> Told:
    return {
        "meter": bucket.meter,
        "counted": bucket.counted,
        "excluded": dict(bucket.excluded),
        "not_matched": bucket.not_matched,
        "unmatched": bucket.unmatched,
        "unpriced": bucket.unpriced,
        **({"retracted": bucket.retracted} if bucket.retracted else {}),
    }


def check_late(playing: Playing, told: list[Told]) -> None:
    """What is late and in no paper yet, of every customer that was billed."""
    for customer in {invoice["customer"] for invoice in playing.told["invoice"]}:
        expected = [late for late in told if late["customer"] == customer]
        assert _late_of(playing, customer) == expected


def _late_of(playing: Playing, customer: str) -> list[Told]:
    return [
        {
            "customer": late.customer,
            "meter": late.meter,
            "start": format_instant(late.period.start),
            "end": format_instant(late.period.end),
            "event_count": late.event_count,
            **({"retracted_count": late.retracted_count} if late.retracted_count else {}),
            "quantity": str(late.quantity),
        }
        for late in usage(playing.stage.home, CustomerId(customer), at=None).late
    ]


STEPS = {
    "close": Verb(
        close_all, frozenset({"customers", "closers", "sealed", "unpriced", "buckets", "outcomes"})
    ),
}
ENDS = {"late": check_late}
