"""A manual entry is decided by another person, whose name is not only spelled otherwise."""

from __future__ import annotations

import pytest

from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant
from tieout.kernel.money import Money, currency
from tieout.ledger.account import Account
from tieout.ledger.entry import Posting
from tieout.ledger.manual import ManualDecision, ManualEntry, NotDecidable, decided

CENT = Money(1, currency("USD"))
PROPOSED = ManualEntry(
    id="m1",
    customer=CustomerId("acme"),
    effective_at=Instant(1),
    postings=(Posting(Account.CLEARING, CENT), Posting(Account.REVENUE, -CENT)),
    person="Zo\u00eb Park",
    reason="booked twice",
    proposed_at=Instant(2),
)


def by(person: str) -> ManualDecision:
    return ManualDecision(approved=True, person=person, reason="right", decided_at=Instant(3))


@pytest.mark.parametrize("person", ["zo\u00eb park", "Zo\u00eb  Park ", "Zoe\u0308 Park"])
def test_whoever_proposed_it_does_not_decide_it_under_another_spelling(person: str) -> None:
    with pytest.raises(NotDecidable, match="another person decides it"):
        decided(PROPOSED, by(person))


def test_another_person_decides_it() -> None:
    assert decided(PROPOSED, by("Zoe Park")).state == "posted"
