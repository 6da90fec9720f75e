"""L13, L14: whatever people do to sealed months, in whatever order, papers, ledger and traces agree.

A sequence of events sent late and taken back, credits of both kinds, payments, voids, corrected prices and
fees, and closes. What is refused changes nothing. After each step the books verify, and receivables, taxes
and revenue are what the documents of the papers say, added up by hand; at the end every line is worked out
again.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.interims import close_at, interim_home, send
from tests.unit.flows.test_coupons_beside_credits import BILLED, COUPON, FEE, PRICE, USE
from tieout.cli.demo.stage import Stage
from tieout.close.outcome import Parked
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.correct import approve, preview
from tieout.flows.credit_invoice import credit_invoice
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.flows.payments import record_payment
from tieout.flows.retract_event import Decision, retract_event
from tieout.flows.trace_line import trace
from tieout.flows.verify_books import verify_books
from tieout.flows.void_invoice import void_invoice
from tieout.kernel.errors import IntegrityViolation, TieoutError
from tieout.kernel.ids import LineId
from tieout.kernel.instant import Instant, format_instant, parse_instant

EXAMPLES = 150 if os.environ.get("TIEOUT_TEST_LONG") else 12
HOUR = 3_600_000_000
TERMS, PER = "terms_days = 30\n", 'per = "1"\n'
TAXED = f'{PER}tax_category = "standard"\n'
UNEXPECTED = re.compile(r"[A-Za-z]+Error: ")
"""So the reason begins of an account that is parked by what nobody foresaw."""
TAX = """
[[tax]]
key = "vat"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "VAT"
jurisdiction = "Germany"
percent = "19"
categories = ["standard"]
"""
picks = st.integers(0, 9)
steps = st.one_of(
    st.tuples(st.just("send"), st.sampled_from(["10", "33.333", "150"]), picks),
    st.tuples(st.just("retract"), picks, picks),
    st.tuples(st.sampled_from(["goodwill", "billing-error"]), picks, st.sampled_from([None, "1.00", "5.00"])),
    st.tuples(st.just("pay"), picks, st.sampled_from(["3.00", "1000.00"])),
    st.tuples(st.just("void"), picks, picks),
    st.tuples(st.just("late"), picks, picks),
    st.tuples(st.just("price"), st.sampled_from(["0.15", "0.30", "0.60"]), picks),
    st.tuples(st.just("fee"), st.sampled_from(["20.00", "31.00", "40.00"]), picks),
    st.tuples(st.just("leave"), picks, picks),
    st.tuples(st.sampled_from(["close", "close", "close again"]), picks, picks),
)
worlds = st.tuples(st.booleans(), st.booleans(), st.sampled_from([None, "arrears", "advance"]), st.booleans())


class Played:
    """A home in which months pass as steps are taken."""

    def __init__(self, folder: Path, world: tuple[bool, bool, str | None, bool]) -> None:
        taxed, coupon, self.timing, by_note = world
        text = BILLED.replace(TERMS, USE) + COUPON if coupon else BILLED
        if taxed:
            text = text.replace(TERMS, f'{TERMS}taxes = ["vat"]\n').replace(PER, TAXED) + TAX
        self.fee = FEE.replace('"advance"', f'"{self.timing}"')
        if self.timing is not None:
            text = text.replace('prices = ["egress-usd"]', 'prices = ["egress-usd", "base-fee"]') + self.fee
        self.price = PRICE.replace(PER, TAXED) if taxed else PRICE
        self.text = text
        more = 'late_path = "note"\n' if by_note else ""
        self.folder = folder
        self.stage: Stage = interim_home(folder, rule="", more=more, catalog=text)
        self.month, self.sent, self.paid = 1, 0, 0
        self.versions = Counter({"price": 1, "fee": 1})
        self.set_month()

    def set_month(self) -> None:
        self.stage.clock.set_to(parse_instant(f"2026-{self.month:02}-15T00:00:00Z"))

    def tick(self) -> str:
        now = Instant(self.stage.home.clock.now() + HOUR)
        self.stage.clock.set_to(now)
        return format_instant(now)

    def take(self, step: tuple[Any, ...]) -> None:
        """Raises what refuses it."""
        kind, first, second = step
        at = self.tick()
        if kind == "send":
            month = 1 + int(second) % self.month
            self.sent += 1
            send(self.stage, at, (f"u{self.sent}", f"2026-{month:02}-05T00:00:00Z", str(first), "eu"))
        elif kind == "retract":
            decision = Decision("sent in error", "Ann", "Bob")
            retract_event(self.stage.home, source="edge", event_id=f"u{first}", decision=decision)
        elif kind in ("late", "price", "fee"):
            self.correct(kind, str(first))
        elif kind == "leave":
            self.leave()
        elif kind == "close again":
            self.close(at)
        elif kind == "close":
            self.month += 1
            self.close(f"2026-{self.month:02}-02T13:00:00Z")
            self.set_month()
        else:
            self.on_paper(kind, int(first), second)

    def leave(self) -> None:
        """In the middle of the month: the fee that was billed for it is given back in part."""
        text = self.text[self.text.index("[[subscription]]") : self.text.index("[[subject]]")].rstrip()
        text = text.replace("version = 1", "version = 2").replace("2025-12-01", f"2026-{self.month:02}-10")
        file = self.folder / "left.toml"
        file.write_text(f"{text}\nuntil = 2026-{self.month:02}-15T00:00:00Z\n")
        apply_catalog(self.stage.home, file)

    def close(self, at: str) -> None:
        for _, _, outcome in close_at(self.stage, at).outcomes:
            assert not isinstance(outcome, Parked) or not UNEXPECTED.match(outcome.reason), outcome

    def on_paper(self, kind: str, place: int, second: Any) -> None:
        papers = list_invoices(self.stage.home)
        if not papers:
            return
        home, paper = self.stage.home, papers[place % len(papers)]
        if kind == "void":
            void_invoice(home, paper.id, person="Ann", reason="wrong", approved_by="Bob")
        elif kind == "pay":
            self.paid += 1
            reference = f"wire-{self.paid}"
            record_payment(home, paper.id, amount=second, reference=reference, person="Ann", received_at=None)
        else:
            lines = json.loads(show_invoice(home, paper.id).document)["lines"]
            line = lines[place % len(lines)]["id"]
            decided = {"person": "Ann", "reason": "agreed", "approved_by": "Bob"}
            credit_invoice(home, paper.id, line=line, amount=second, kind=kind, **decided)  # type: ignore[arg-type]

    def correct(self, kind: str, amount: str) -> None:
        file = None
        if kind != "late":
            if kind == "fee" and self.timing is None:
                return
            version = self.versions[kind]
            text, old = (self.price, '"0.30"') if kind == "price" else (self.fee, '"31.00"')
            text = text.replace("version = 1", f"version = {version + 1}\nsupersedes = {version}", 1)
            file = self.folder / "better.toml"
            file.write_text(text.replace(old, f'"{amount}"'))
        found = preview(self.stage.home, person="Ann", reason="seen", catalog_folder=file)
        if found.digest is None:
            return
        self.tick()
        approve(self.stage.home, found.digest, person="Bob", reason="right")
        if file is not None:
            self.versions[kind] += 1


def check(played: Played) -> list[dict[str, Any]]:
    """The documents of the papers; the ledger says of them what they come to."""
    home = played.stage.home
    assert verify_books(home).findings == ()
    voided = {each.invoice.id for each in home.books.corrections.voids()}
    rows = [row for row in list_invoices(home) if row.id not in voided]
    papers = [json.loads(show_invoice(home, row.id).document) for row in rows]
    sums: Counter[str] = Counter()
    for entry in home.books.ledger.entries():
        assert sum(posting.amount.minor for posting in entry.postings) == 0
        for posting in entry.postings:
            sums[posting.account.value] += posting.amount.minor
    total = sum(_minor(paper["total"]) for paper in papers)
    taxes = sum(_minor(tax["amount"]) for paper in papers for tax in paper.get("taxes", ()))
    assert sums["receivable"] + sums["customer-balance"] + sums["clearing"] == total
    assert -sums["tax-payable"] == taxes
    assert -sums["revenue"] - sums["deferred-revenue"] == total - taxes
    assert sums["unbilled-receivable"] == 0
    return papers


def _minor(text: str) -> int:
    return int(Decimal(text) * 100)


@given(worlds, st.lists(steps, min_size=4, max_size=14))
@example(  # a voided paper that had earned a fee in advance
    (False, True, "advance", False), [("close", 0, 0), ("close", 0, 0), ("void", 1, 0), ("close", 0, 0)]
)
@example(  # the fee that is given back stood on the replacement of a voided paper
    (False, False, "advance", False),
    [("close", 0, 0), ("void", 0, 0), ("close again", 0, 0), ("fee", "20.00", 0), ("close", 0, 0)],
)
@example(  # a fee that was given back in part, credited, and corrected twice
    (True, True, "advance", False),
    [
        ("close", 0, 0),
        ("close", 0, 0),
        ("leave", 0, 0),
        ("close", 0, 0),
        ("billing-error", 1, "1.00"),
        ("fee", "20.00", 0),
        ("close", 0, 0),
        ("fee", "40.00", 0),
        ("close again", 0, 0),
    ],
)
@settings(max_examples=EXAMPLES, deadline=None)
def test_papers_ledger_and_traces_agree_whatever_was_done(
    world: tuple[bool, bool, str | None, bool], taken: list[tuple[Any, ...]]
) -> None:
    with TemporaryDirectory() as folder:
        played = Played(Path(folder), world)
        with played.stage.home:
            for step in [*taken, ("close", 0, 0)]:
                if step[0] == "close" and played.month >= 6:
                    continue
                try:
                    played.take(step)
                except IntegrityViolation:
                    raise
                except TieoutError as error:
                    assert str(error), "refused, with a reason, and nothing has changed"
                check(played)
            for paper in check(played):
                for line in paper["lines"]:
                    assert trace(played.stage.home, LineId(line["id"])).reproduced.matches, line["id"]
