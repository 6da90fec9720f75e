"""A difference to what a source states passes when finance, ops and engineering have signed exactly its
numbers; nothing else does, and no tie between layers has such a way."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.small_home import FEBRUARY_3, ingest, january, make_home
from tests.unit.flows.test_cycle_ties import breaks_of, numbered, state, tamper
from tieout.close.reconcile_cycle import TIE_CONTROL_TOTAL
from tieout.close.reconcile_log import TIE_DISPOSITIONS
from tieout.contract.policy import signer_role
from tieout.flows.home import Home
from tieout.flows.invoices import list_invoices
from tieout.flows.policy import add_signature, register_key, revoke_key
from tieout.flows.signed_file import SignatureRefused
from tieout.flows.waivers import (
    NoSuchStatement,
    NoSuchWaiver,
    NothingToWaive,
    WaiverState,
    add_waiver_signature,
    propose_numbers,
    propose_waiver,
    waivers,
    write_waiver_request,
)
from tieout.gateways.clock import SteppedClock
from tieout.gateways.signing import generate_key
from tieout.gateways.signing_desk import NotForThisRole, sign_request
from tieout.kernel.errors import ConflictError, Refusal

DESK = (("finance", "Bram"), ("ops", "Chi"), ("engineering", "Eli"))


@pytest.fixture
def town(tmp_path: Path) -> Iterator[tuple[Home, SteppedClock]]:
    """Fourteen of the fifteen events that the gateway states; Bram and Chi sign policies already."""
    home, clock = make_home(tmp_path / "home", now=FEBRUARY_3)
    with home:
        ingest(home, january(5)[:-1])
        state(home, 15)
        generate_key(papers(home) / "engineering.key", papers(home) / "engineering.pub")
        register_key(home, signer_role("engineering"), "Eli", papers(home) / "engineering.pub")
        yield home, clock


def papers(home: Home) -> Path:
    return home.folder / "papers"


def proposed(home: Home, by: str = "Dana") -> str:
    found = propose_waiver(home, "gateway", "jan", by=by, reason="one event is lost for good")
    assert found.good is None and found.signatures == ()
    write_waiver_request(home, found.proposed.digest, papers(home) / "waiver.json")
    return found.proposed.digest


def signed(home: Home, role: str, person: str, *, key: str | None = None) -> WaiverState:
    out = papers(home) / f"waiver-{role}.signature"
    private = papers(home) / f"{key or role}.key"
    request = papers(home) / "waiver.json"
    sign_request(request, private_key=private, role=signer_role(role), person=person, out=out)
    return add_waiver_signature(home, out)


def sign_all(home: Home, desk: Sequence[tuple[str, str]] = DESK) -> WaiverState:
    return [signed(home, role, person) for role, person in desk][-1]


def test_two_signatures_hold_and_the_third_lets_pass_what_the_invoices_then_say(
    town: tuple[Home, SteppedClock],
) -> None:
    home, _ = town
    assert [found.tie for found in breaks_of(home)] == [TIE_CONTROL_TOTAL]
    digest = proposed(home)
    sign_all(home, DESK[:2])
    assert [found.tie for found in breaks_of(home)] == [TIE_CONTROL_TOTAL]
    done = signed(home, "engineering", "Eli")
    assert done.good is not None and done.missing == ()
    assert breaks_of(home) == []
    for row in list_invoices(home):
        stored = home.books.invoices.find(row.id)
        assert stored is not None
        (waived,) = json.loads(stored.document)["waivers"]
        assert waived["digest"] == digest and waived["source"] == "gateway"
        assert waived["difference"] == "stated 15 events, accepted 14 events"
        assert [each["person"] for each in waived["signed_by"]] == ["Bram", "Chi", "Eli"]


def test_it_is_good_for_its_numbers_only(town: tuple[Home, SteppedClock]) -> None:
    home, _ = town
    proposed(home)
    sign_all(home)
    ingest(home, [january(5)[-1] | {"id": "two"}, january(5)[-1] | {"id": "three"}], "more.ndjson")
    (found,) = breaks_of(home)
    assert found.tie == TIE_CONTROL_TOTAL and "16 events accepted" in found.found
    assert [each.good is not None for each in waivers(home)] == [True]


def test_an_invoice_without_a_difference_says_nothing_of_waivers(town: tuple[Home, SteppedClock]) -> None:
    home, _ = town
    ingest(home, january(5)[-1:], "last.ndjson")
    assert breaks_of(home) == []
    stored = home.books.invoices.find(list_invoices(home)[0].id)
    assert stored is not None and "waivers" not in json.loads(stored.document)


def test_numbers_that_were_never_used_can_be_waived_too(town: tuple[Home, SteppedClock]) -> None:
    home, _ = town
    proposed(home)
    sign_all(home)
    ingest(home, numbered(13, 15), "numbers.ndjson")
    (_, gap) = sorted(breaks_of(home), key=lambda each: each.tie)
    assert "14 never came" in gap.found
    found = propose_numbers(home, "gateway", (14, 14), by="Dana", reason="the number was never used")
    write_waiver_request(home, found.proposed.digest, papers(home) / "waiver.json")
    sign_all(home)
    (left,) = breaks_of(home)
    assert left.tie == TIE_CONTROL_TOTAL and "16 events accepted" in left.found


def test_who_proposed_does_not_sign_and_one_person_does_not_sign_for_two(
    town: tuple[Home, SteppedClock],
) -> None:
    home, _ = town
    proposed(home, by=" eli ")
    with pytest.raises(SignatureRefused, match="proposed this waiver"):
        signed(home, "engineering", "Eli")
    proposed(home)
    generate_key(papers(home) / "second.key", papers(home) / "second.pub")
    register_key(home, signer_role("engineering"), "BRAM", papers(home) / "second.pub")
    sign_all(home, DESK[:2])
    done = signed(home, "engineering", "BRAM", key="second")
    assert done.missing == () and done.good is None
    assert [found.tie for found in breaks_of(home)] == [TIE_CONTROL_TOTAL]


def test_forged_foreign_and_revoked_signatures_are_refused(town: tuple[Home, SteppedClock]) -> None:
    home, _ = town
    proposed(home)
    out = papers(home) / "waiver-finance.signature"
    signed_file = papers(home) / "waiver.json"
    finance = signer_role("finance")
    sign_request(signed_file, private_key=papers(home) / "finance.key", role=finance, person="Bram", out=out)
    good = out.read_text()
    told = json.loads(good)
    for name, value in (
        ("signature", ("00" if told["signature"][:2] != "00" else "11") + told["signature"][2:]),
        ("role", "engineering"),
        ("role", "product"),
        ("person", "Chi"),
        ("home", "another"),
    ):
        out.write_text(json.dumps(told | {name: value}))
        with pytest.raises(SignatureRefused):
            add_waiver_signature(home, out)
    out.write_text(json.dumps(told | {"document_digest": "ab" * 32}))
    with pytest.raises(NoSuchWaiver):
        add_waiver_signature(home, out)
    with pytest.raises(NotForThisRole):
        signed(home, "product", "Ada")
    revoke_key(home, told["key_id"])
    out.write_text(good)
    with pytest.raises(SignatureRefused, match="revoked"):
        add_waiver_signature(home, out)
    assert waivers(home)[0].signatures == ()


def test_a_signature_under_a_policy_is_none_under_a_waiver_and_the_other_way_round(
    town: tuple[Home, SteppedClock],
) -> None:
    home, _ = town
    digest = proposed(home)
    request = json.loads((papers(home) / "waiver.json").read_text())
    as_policy = {("policy" if name == "waiver" else name): value for name, value in request.items()}
    (papers(home) / "waiver.json").write_text(json.dumps(as_policy))
    with pytest.raises(SignatureRefused, match="does not verify"):
        signed(home, "finance", "Bram")
    write_waiver_request(home, digest, papers(home) / "waiver.json")
    out = papers(home) / "waiver-finance.signature"
    finance = signer_role("finance")
    request_file = papers(home) / "waiver.json"
    sign_request(request_file, private_key=papers(home) / "finance.key", role=finance, person="Bram", out=out)
    with pytest.raises((SignatureRefused, ConflictError, Refusal)):
        add_signature(home, out)


def test_nothing_is_waived_that_ties_or_that_no_source_states(town: tuple[Home, SteppedClock]) -> None:
    home, _ = town
    with pytest.raises(NoSuchStatement):
        propose_waiver(home, "gateway", "feb", by="Dana", reason="why not")
    with pytest.raises(NoSuchStatement):
        propose_numbers(home, "gateway", (4, 4), by="Dana", reason="why not")
    ingest(home, january(5)[-1:], "last.ndjson")
    with pytest.raises(NothingToWaive):
        propose_waiver(home, "gateway", "jan", by="Dana", reason="why not")
    with pytest.raises(NoSuchWaiver):
        write_waiver_request(home, "", papers(home) / "none.json")


def test_a_tie_between_layers_cannot_be_waived(town: tuple[Home, SteppedClock]) -> None:
    """Its name is no statement of a source; and a waiver of the source's own leaves it as it is."""
    home, _ = town
    proposed(home)
    sign_all(home)
    tamper(home, "UPDATE tallies SET items = items + 1 WHERE verdict = 0")
    with pytest.raises(NoSuchStatement):
        propose_waiver(home, "gateway", TIE_DISPOSITIONS, by="Dana", reason="it is late")
    assert {found.tie for found in breaks_of(home)} == {TIE_DISPOSITIONS}
