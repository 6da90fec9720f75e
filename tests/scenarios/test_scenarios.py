"""Each folder here with a `story.md` is played on a stepped clock, and must come out as `scenario.toml` says.

The expectations are worked out by hand in the story; none was recorded from the product.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tieout.cli.demo.stage import Stage, set_stage, sign_policy
from tieout.contract.policy import OwnerRole
from tieout.flows.amend_event import amend_event
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.approve_meter import approve, write_approval_request
from tieout.flows.close_periods import close
from tieout.flows.count_buckets import BucketRow
from tieout.flows.ingest_file import ingest_file
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.flows.measure_usage import usage
from tieout.flows.policy import register_key
from tieout.flows.retract_event import Decision
from tieout.flows.shipped_programs import add_program
from tieout.flows.trace_line import trace
from tieout.flows.verify_books import verify_books
from tieout.flows.verify_log import verify_log
from tieout.flows.wallet import GrantOrder, grant_credit, show_wallet
from tieout.gateways.signing import generate_key
from tieout.gateways.signing_desk import sign_request
from tieout.kernel.ids import CustomerId, LineId
from tieout.kernel.instant import format_instant, parse_instant
from tieout.kernel.money import Money

HERE = Path(__file__).parent
STORIES = sorted(story.parent for story in HERE.glob("*/story.md"))

POLICY = """[[policy]]
key = "close"
version = 1
effective_from = {effective_from}
cadence = "monthly"
grace_hours = 24
proposer = "Somebody Else"
"""

Told = dict[str, Any]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_the_story_comes_out_as_written(story: Path, tmp_path: Path) -> None:
    told = tomllib.loads((story / "scenario.toml").read_text())
    starts_at = parse_instant(told["starts_at"])
    stage = set_stage(tmp_path / "home", now=starts_at)
    with stage.home:
        sign_policy(stage, POLICY.format(effective_from=told["starts_at"]))
        for program in told.get("programs", []):
            add_program(stage.home, program)
        apply_catalog(stage.home, story / "catalog")
        sealed: dict[str, str] = {}
        for step in told["step"]:
            play_step(stage, story, step)
            for row in list_invoices(stage.home):
                digest = show_invoice(stage.home, row.id).sha256
                assert sealed.setdefault(row.id, digest) == digest, "a sealed invoice changed"
        expected_invoices = [expected_invoice(invoice) for invoice in told["invoice"]]
        found = [invoice_of(stage, row.id) for row in list_invoices(stage.home)]
        assert as_told(found, expected_invoices) == expected_invoices
        for customer in {invoice["customer"] for invoice in told["invoice"]}:
            expected = [late for late in told.get("late", []) if late["customer"] == customer]
            assert late_of(stage, customer) == expected
        for row in list_invoices(stage.home):
            trace_every_line(stage, row.id)
        assert verify_log(stage.home).findings == ()
        assert verify_books(stage.home).findings == ()


def play_step(stage: Stage, story: Path, step: Told) -> None:
    stage.clock.set_to(parse_instant(step["at"]))
    if "read" in step:
        report = ingest_file(stage.home, story / "events" / step["read"], format=None, source=None)
        assert (report.accepted, report.duplicate) == (step["accepted"], step["duplicate"])
        assert report.received == step["accepted"] + step["duplicate"]
    if "amend" in step:
        play_amendment(stage, story, step["amend"])
    if "apply" in step:
        apply_catalog(stage.home, story / step["apply"])
    if "wallet" in step:
        play_wallet(stage, step["wallet"])
    if "approve" in step:
        approve_change(stage, step["approve"])
    if step.get("close"):
        report = close(stage.home, as_of=parse_instant(step["at"]), customers=None, dry_run=False)
        assert len(report.invoices) == step.get("sealed", len(report.invoices))
        unpriced = {row.meter: row.unpriced for row in report.buckets if row.unpriced}
        assert unpriced == step.get("unpriced", unpriced)
        if "buckets" in step:
            assert [bucket_of(bucket) for bucket in report.buckets] == step["buckets"]


def approve_change(stage: Stage, meter: str) -> None:
    """The owner of the meter registers a key, and signs the first version of it that waits."""
    papers = stage.folder / "approval"
    papers.mkdir()
    asked = write_approval_request(stage.home, meter, None, papers / "request.json").request
    private, public, signature = (papers / name for name in ("owner.key", "owner.pub", "signature"))
    generate_key(private, public)
    assert asked.owner is not None
    register_key(stage.home, OwnerRole.OWNER, asked.owner, public)
    sign_request(
        papers / "request.json", private_key=private, role=OwnerRole.OWNER, person=None, out=signature
    )
    approve(stage.home, meter, None, signature)


def play_wallet(stage: Stage, told: Told) -> None:
    """A grant, or what a customer holds at an instant: credit left by grant, and the kinds of movements."""
    if "grant" in told:
        order = GrantOrder(
            customer=told["customer"],
            amount=told["amount"],
            currency=None,
            kind=told["kind"],
            priority=told.get("priority", 100),
            effective_at=parse_instant(told["effective"]) if "effective" in told else None,
            expires_at=parse_instant(told["expires"]) if "expires" in told else None,
            prices=tuple(told.get("prices", ())),
            plans=(),
        )
        grant_credit(stage.home, order, grant_id=told["grant"], person="Fay", reason="agreed")
        return
    view = show_wallet(stage.home, told["customer"], at=parse_instant(told["as_of"]))
    left = {held.grant.id: Money(held.left, held.grant.amount.currency) for held in view.grants}
    assert {grant: amount.decimal_text for grant, amount in left.items()} == told["left"]
    assert [amount.decimal_text for amount in view.balances] == [told["balance"]]
    assert [f"{each.kind} {each.amount.decimal_text}" for each in view.movements] == told["movements"]


def bucket_of(bucket: BucketRow) -> Told:
    return {
        "meter": bucket.meter,
        "counted": bucket.counted,
        "excluded": dict(bucket.excluded),
        "not_matched": bucket.not_matched,
        "unmatched": bucket.unmatched,
        "unpriced": bucket.unpriced,
        **({"retracted": bucket.retracted} if bucket.retracted else {}),
    }


def play_amendment(stage: Stage, story: Path, told: Told) -> None:
    report = amend_event(
        stage.home,
        source=told["source"],
        event_id=told["id"],
        file=story / "events" / told["with"],
        decision=Decision(told["reason"], told["by"], told.get("approved_by")),
    )
    assert [(change.name, change.before, change.after) for change in report.changes] == [
        tuple(change) for change in told["changes"]
    ]


def invoice_of(stage: Stage, invoice: str) -> Told:
    document = json.loads(show_invoice(stage.home, invoice).document)
    return {
        "customer": document["customer"]["id"],
        "currency": document["currency"],
        "start": document["period"]["start"],
        "end": document["period"]["end"],
        "due_date": document["due_date"],
        "total": document["total"],
        "lines": [line_of(line) for line in document["lines"]],
        "discounts": [discount_of(discount) for discount in document["discounts"]],
        "taxes": [tax_of(tax) for tax in document["taxes"]],
        "credits": document["credits"],
        "due": document["due"],
    }


def line_of(line: Told) -> Told:
    metered = (
        {name: line[name] for name in ("meter", "quantity", "unit")} if line["meter"] is not None else {}
    )
    return {
        "description": line["description"],
        **metered,
        **({"program": line["program"]["key"]} if "program" in line else {}),
        "times": line["quantity"],
        "rules": [step["rule"] for step in line["steps"]],
        "versions": versions_of(line),
        "amount": line["amount"],
        "start": line["segment"]["start"],
        "end": line["segment"]["end"],
    }


def versions_of(line: Told) -> str:
    """Which versions a line names, and since when its price is in force."""
    meter = "" if line["snapshot"] is None else f", meter {line['snapshot']['meter_version']}"
    since = line["price_effective_from"]
    return f"price {line['price_version']} from {since[:10]}, plan {line['plan_version']}{meter}"


ONLY_WHERE_TOLD = ("times", "rules", "versions")
"""What a line of scenario.toml may say beside what it must: how often a fee is due, the rules of its working,
its versions."""


def as_told(found: list[Told], told: list[Told]) -> list[Told]:
    """The invoices without what the story leaves out of its lines."""
    for invoice, expected in zip(found, told, strict=False):
        for line, wanted in zip(invoice["lines"], expected["lines"], strict=False):
            for name in ONLY_WHERE_TOLD:
                if name not in wanted:
                    del line[name]
    return found


def discount_of(printed: Told) -> Told:
    """`unused` only where something is."""
    told = {name: printed[name] for name in ("coupon", "base", "amount")}
    used_up = not any(digit in printed["unused"] for digit in "123456789")
    shares = [share["amount"] for share in printed["shares"]]
    return {**told, "shares": shares, **({} if used_up else {"unused": printed["unused"]})}


def tax_of(printed: Told) -> Told:
    """`inclusive` only where it is, `note` only where there is one."""
    told = {name: printed[name] for name in ("name", "percent", "base", "amount")}
    return {**told, **{name: printed[name] for name in ("inclusive", "note") if printed[name]}}


def expected_invoice(told: Told) -> Told:
    """What stands between total and lines may be left out where there is nothing: then all of it is due."""
    names = ("customer", "currency", "start", "end", "due_date", "total", "lines")
    optional = {"discounts": [], "taxes": [], "credits": [], "due": told["total"]}
    assert set(names) <= set(told) <= {*names, *optional}, "scenario.toml says more than is checked"
    return {name: told.get(name, optional.get(name)) for name in (*names, *optional)}


def late_of(stage: Stage, customer: str) -> list[Told]:
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
        for late in usage(stage.home, CustomerId(customer), at=None).late
    ]


def trace_every_line(stage: Stage, invoice: str) -> None:
    for line in json.loads(show_invoice(stage.home, invoice).document)["lines"]:
        traced = trace(stage.home, LineId(line["id"]))
        assert traced.reproduced.matches
        printed = line["snapshot"]
        opening = {} if printed is None else printed.get("opening", {})
        assert len(traced.opening) == opening.get("count", 0)
        if "group" in line:
            continue  # its events are some of the snapshot's
        assert traced.events.total == (0 if printed is None else printed["event_count"])
        assert traced.retracted.total == (0 if printed is None else printed["retracted_count"])
