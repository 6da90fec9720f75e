"""What a correction gives back while a dispute runs is given back once: of a line, of a whole invoice, beside
another dispute of the same, and where the clock has stepped back.

One of acme's calls of January, of 803 tokens, is retracted and corrected: tokens of 16.05 become 14.84, 1.21
less; with the call itself and what it stored it is 1.47 less in all."""

from __future__ import annotations

import pytest

from tests.disputes import ENGINEERING, FINANCE, opened
from tests.small_home import FEBRUARY_3, MARCH_3, call, ingest
from tieout.dispute.decision import DecisionOrder
from tieout.dispute.dispute import Dispute
from tieout.dispute.refused import DisputeRefused
from tieout.dispute.state import Act
from tieout.dispute.type import DisputeType
from tieout.flows.close_periods import close
from tieout.flows.correct import approve, preview
from tieout.flows.corrected_since import corrected_since
from tieout.flows.decide_dispute import DecidedDispute, decide_dispute
from tieout.flows.examine_dispute import examine_dispute
from tieout.flows.home import Home
from tieout.flows.retract_event import Decision, retract_event
from tieout.flows.verify_books import verify_books
from tieout.gateways.clock import SteppedClock
from tieout.kernel.instant import DAY_MICROSECONDS, Instant


def disputed(home: Home, *, line: str | None = "3", amount: str = "1.21", reason: str = "twice") -> Dispute:
    found = opened(home, line=line, type=DisputeType.DATA, amount=amount, reason=reason)
    return examine_dispute(home, found.id, person=ENGINEERING)


def corrected(home: Home, clock: SteppedClock) -> None:
    """On the paper of February."""
    gone = Decision("sent twice", "Dana", "Erin")
    retract_event(home, source="gateway", event_id="e19", decision=gone)
    clock.set_to(Instant(FEBRUARY_3 + DAY_MICROSECONDS))
    report = preview(home, person="Dana", reason="sent twice")
    assert report.digest is not None
    approve(home, report.digest, person="Erin", reason="sent twice")
    ingest(home, [call(77, "acme", "2026-02-05T00:00:00Z")], "february.ndjson")
    clock.set_to(MARCH_3)
    close(home, as_of=clock.now())


def decided(home: Home, dispute: Dispute, order: DecisionOrder) -> DecidedDispute:
    given = {"person": ENGINEERING, "reason": "sent twice", "approved_by": FINANCE}
    return decide_dispute(home, dispute.id, order, **given)


CORRECTED = DecisionOrder(Act.UPHELD, corrected=True)


def test_a_whole_invoice_is_not_given_back_again_line_by_line(home: Home, clock: SteppedClock) -> None:
    found = disputed(home, line=None, amount="2.00")
    corrected(home, clock)
    assert corrected_since(home, found) == 147
    with pytest.raises(DisputeRefused, match=r"gave back 1\.47 USD already, and 2\.00 USD more"):
        decided(home, found, DecisionOrder(Act.UPHELD, None, [("3", "2.00")]))
    with pytest.raises(DisputeRefused, match="already"):
        decided(home, found, DecisionOrder(Act.PARTLY_UPHELD, None, [("3", "0.44"), ("1", "0.10")]))
    done = decided(home, found, DecisionOrder(Act.PARTLY_UPHELD, None, [("3", "0.43"), ("1", "0.10")]))
    assert [each.note.total_minor for each in done.notes] == [-43, -10]
    assert verify_books(home).findings == ()


def test_a_whole_invoice_is_upheld_as_corrected(home: Home, clock: SteppedClock) -> None:
    found = disputed(home, line=None, amount="1.47")
    corrected(home, clock)
    assert decided(home, found, CORRECTED).notes == ()
    assert verify_books(home).findings == ()


def test_one_correction_upholds_one_dispute(home: Home, clock: SteppedClock) -> None:
    first, second = disputed(home), disputed(home, reason="three times")
    corrected(home, clock)
    assert (corrected_since(home, first), corrected_since(home, second)) == (121, 121)
    decided(home, second, CORRECTED)
    assert corrected_since(home, first) == 0
    with pytest.raises(DisputeRefused, match=r"gave back 0\.00 USD of 1\.21 USD"):
        decided(home, first, CORRECTED)
    assert [each.note.total_minor for each in decided(home, first, DecisionOrder(Act.UPHELD)).notes] == [-121]


def test_what_was_corrected_before_another_was_opened_is_its_own(home: Home, clock: SteppedClock) -> None:
    first = disputed(home)
    corrected(home, clock)
    second = disputed(home, reason="three times")
    decided(home, first, CORRECTED)
    assert corrected_since(home, second) == 0
    decided(home, second, DecisionOrder(Act.UPHELD))


def test_a_clock_that_stepped_back_gives_nothing_back_twice(home: Home, clock: SteppedClock) -> None:
    clock.set_to(Instant(MARCH_3 + 30 * DAY_MICROSECONDS))
    found = disputed(home)
    clock.set_to(FEBRUARY_3)
    corrected(home, clock)
    assert corrected_since(home, found) == 121
    with pytest.raises(DisputeRefused, match=r"gave back 1\.21 USD already"):
        decided(home, found, DecisionOrder(Act.UPHELD))
    assert decided(home, found, CORRECTED).dispute.decided is not None
    assert verify_books(home).findings == ()
