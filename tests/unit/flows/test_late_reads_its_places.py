"""However many months are sealed, looking for what is late reads the periods that it belongs to; and it finds
what reading everything finds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy import RowMapping

from tests import small_home
from tests.small_home import ZONES, call, catalog_text, ingest, make_home
from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.window import UsageRequest
from tieout.evidence.stored import StoredSnapshot
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.close_agenda import close_agenda
from tieout.flows.close_periods import close
from tieout.flows.compact_log import compact_log
from tieout.flows.due_accounts import stretches_of
from tieout.flows.find_corrections import Sought, find_corrections
from tieout.flows.late_events import LateRow, late_of, late_rows
from tieout.flows.measure_usage import usage
from tieout.flows.policy import policies
from tieout.flows.retract_event import Decision, retract_event
from tieout.flows.void_invoice import void_invoice
from tieout.kernel.ids import CustomerId, SubscriptionId
from tieout.kernel.instant import Instant, parse_instant
from tieout.kernel.period import Period
from tieout.kernel.quantity import Unmeasurable
from tieout.ports import LogManifest, UsageEngine
from tieout.store.books import rows
from tieout.wiring import Home

MONTHS = 6
METERS = ("calls", "tokens", "stored", "held")
HELD = """
[[meter]]
key = "held"
version = 1
effective_from = 2025-01-01T00:00:00Z
definition = "Gigabytes while they are held."
owner = "product"
event = "api.call"
aggregation = "time_weighted"
field = "gigabytes"
unit = "GB-hour"

[[price]]
key = "held-usd"
version = 1
effective_from = 2025-01-01T00:00:00Z
meter = "held"
currency = "USD"
description = "Storage over time"
shape = "per_unit"
unit_amount = "0.001"
"""
ACME = CustomerId("acme")


@dataclass
class Counted:
    """What was read of sealed snapshots, and what was measured."""

    read: list[tuple[str, str, int]] = field(default_factory=list)
    measured: list[UsageRequest] = field(default_factory=list)


@dataclass(frozen=True)
class Measuring:
    """An engine that notes what it is asked to measure."""

    engine: UsageEngine
    counted: Counted

    def measure_each(
        self, requests: Sequence[UsageRequest], manifest: LogManifest
    ) -> list[Snapshot | Unmeasurable]:
        self.counted.measured.extend(requests)
        return self.engine.measure_each(requests, manifest)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)


def month(number: int) -> str:
    return f"{2026 + (number - 1) // 12}-{1 + (number - 1) % 12:02d}"


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Months of three customers, each sealed by its own close, some of the log in segments; then events and
    retractions that come too late."""
    with pytest.MonkeyPatch.context() as patch:
        catalog = catalog_text().replace('"stored-usd"]', '"stored-usd", "held-usd"]') + HELD
        patch.setattr(small_home, "catalog_text", lambda: catalog)
        home, clock = make_home(tmp_path_factory.mktemp("months") / "home")
    with home:
        for number in range(1, MONTHS + 1):
            clock.set_to(parse_instant(f"{month(number + 1)}-03T00:00:00Z"))
            ingest(home, of_month(number), f"{number}.ndjson")
            close(home, as_of=clock.now())
            if number % 3 == 0:
                compact_log(home, rows_min=1)
        yield home


def of_month(number: int) -> list[dict[str, object]]:
    return [
        call(
            number * 100 + place * 10 + day, key, f"{month(number)}-{day:02d}T12:00:00Z", gigabytes=f"{day}.5"
        )
        for place, key in enumerate(ZONES)
        for day in (3, 9)
    ]


def everything(home: Home, customer: CustomerId | None) -> list[LateRow]:
    """By definition: of all that holds, what came after its cutoff."""
    held = home.books.invoices.snapshots(customer)
    return late_of(home, load_catalog(home), home.log.manifest(), held)


def by_snapshot(rows: Iterable[LateRow]) -> list[LateRow]:
    return sorted(rows, key=lambda row: row.snapshot)


@contextmanager
def counting(home: Home, patch: pytest.MonkeyPatch) -> Iterator[tuple[Home, Counted]]:
    counted = Counted()
    read = rows.snapshot_of

    def reading(row: RowMapping) -> StoredSnapshot:
        found = read(row)
        counted.read.append((found.customer, found.meter, found.period.start))
        return found

    with patch.context() as meanwhile:
        meanwhile.setattr(rows, "snapshot_of", reading)
        yield replace(home, engine=Measuring(home.engine, counted)), counted  # type: ignore[arg-type]


def test_nothing_is_read_of_what_is_sealed_where_nothing_is_late(
    months: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with counting(months, monkeypatch) as (home, counted):
        assert late_rows(home, load_catalog(home), home.log.manifest(), None) == []
        assert (counted.read, counted.measured) == ([], [])


def test_what_is_late_is_read_where_it_belongs(months: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """One event for one month of one customer, and one of another's taken back: that month by each meter, and
    by the one weighted by time every later month, in which the level may hold."""
    ingest(months, [call(9001, "acme", f"{month(4)}-20T00:00:00Z", gigabytes="1")], "late.ndjson")
    decision = Decision("sent by mistake", by="Dana", approved_by="Eve")
    retract_event(months, source="gateway", event_id="e513", decision=decision)
    with counting(months, monkeypatch) as (home, counted):
        found = late_rows(home, load_catalog(home), home.log.manifest(), None)
        acme = {("acme", meter, start(4)) for meter in METERS} | {("acme", "held", start(n)) for n in (5, 6)}
        birch = {key for key in counted.read if key[0] == "birch"}
        assert set(counted.read) == acme | birch and len(counted.read) == len(acme | birch)
        assert {at for _, _, at in birch} == {start(5, "04"), start(6, "04")}
        assert {meter for _, meter, at in birch if at == start(6, "04")} == {"held"}
        assert {each.customer for each in counted.measured} == {"acme", "birch"}
    assert by_snapshot(found) == by_snapshot(everything(months, None))
    assert {(row.customer, row.period.start) for row in found} >= {
        ("acme", start(4)),
        ("birch", start(5, "04")),
    }
    for customer in ("birch", "cedar"):
        mine = usage(months, CustomerId(customer), at=None).late
        assert by_snapshot(mine) == by_snapshot(everything(months, CustomerId(customer)))


def test_corrections_by_policy_read_no_more_than_that(months: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    customers = tuple(CustomerId(key) for key in ZONES)
    with counting(months, monkeypatch) as (home, counted):
        sought = Sought(customers, "late", mapped=False)
        found = find_corrections(home, load_catalog(home), policies(home), sought)
    whole = find_corrections(months, load_catalog(months), policies(months), replace(sought, mapped=True))
    assert [row for _, row in found.late] == [row for _, row in whole.late]
    assert found.corrections == tuple(
        replace(each, change=replace(each.change, mapped=False)) for each in whole.corrections
    )
    assert len(found.corrections) >= 2
    assert {at for customer, _, at in counted.read if customer == "acme"} == {start(4), start(5), start(6)}
    assert "cedar" not in {customer for customer, _, _ in counted.read}


def test_what_is_billed_is_one_stretch_however_many_months_it_has(months: Home) -> None:
    billed = months.books.invoices.billed()
    stretches = months.books.invoices.billed_stretches([CustomerId(key) for key in ZONES])
    assert {key: len(periods) for key, periods in billed.items()} == {f"{key}-main": MONTHS for key in ZONES}
    assert stretches == {key: (Period(periods[0].start, periods[-1].end),) for key, periods in billed.items()}
    assert months.books.invoices.billed([ACME]) == {"acme-main": billed[SubscriptionId("acme-main")]}


def test_an_account_that_is_due_since_long_adds_its_own_period_and_not_all_since(months: Home) -> None:
    (account, *_) = close_agenda(
        months,
        load_catalog(months),
        (ACME,),
        {},
        as_of=parse_instant(f"{month(MONTHS + 2)}-03T00:00:00Z"),
    ).due
    first, last = Period(start(1), start(2)), Period(start(MONTHS), start(MONTHS + 1))
    old = replace(account, period=first, wholes=(first,))
    new = replace(account, period=last, wholes=(last,))
    assert stretches_of([new, old, new]) == [first, last]
    assert stretches_of([old, replace(old, period=Period(start(2), start(3)))]) == [
        Period(start(1), start(3))
    ]
    found = months.books.invoices.snapshots(meeting=[first, last])
    assert found == tuple(
        each
        for each in months.books.invoices.snapshots()
        if each.period.overlaps(first) or each.period.overlaps(last)
    )
    assert 0 < len(found) < len(months.books.invoices.snapshots()) / 2 + 1
    assert months.books.invoices.snapshots(meeting=[]) == ()


def test_a_voided_month_is_a_gap_between_two_stretches(months: Home) -> None:
    (second,) = [each for each in months.books.invoices.sealed(ACME) if each.period.start == start(2)]
    void_invoice(months, second.number, person="Dana", reason="wrong address", approved_by="Eve")
    found = months.books.invoices.billed_stretches([ACME])["acme-main"]
    assert found == (Period(start(1), start(2)), Period(start(3), start(MONTHS + 1)))


def start(number: int, hour: str = "00") -> Instant:
    return parse_instant(f"{month(number)}-01T{hour}:00:00Z")
