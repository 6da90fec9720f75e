"""A change of a meter bills nobody until its owner has signed it; the account waits, and says for whom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tests.small_home import FEBRUARY_3, ingest, january, make_home
from tieout.cli.invoice_page import invoice_page
from tieout.close.outcome import Parked, Sealed
from tieout.contract.policy import OwnerRole, PolicyRole
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.approve_meter import (
    AlreadyApproved,
    NothingToApprove,
    approve,
    changes,
    unapproved,
    write_approval_request,
)
from tieout.flows.close_periods import close
from tieout.flows.home import Home
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.flows.policy import add_signature, register_key, revoke_key
from tieout.flows.signed_file import SignatureRefused
from tieout.gateways.clock import SteppedClock
from tieout.gateways.signing import generate_key
from tieout.gateways.signing_desk import NotForThisRole, sign_request
from tieout.invoice.stored_document import read_document
from tieout.kernel.ids import KeyId
from tieout.kernel.instant import Instant

CALLS_2 = """
[[meter]]
key = "calls"
version = 2
effective_from = 2026-01-16T00:00:00Z
definition = "Calls in production, small ones left out."
owner = "{owner}"
event = "api.call"
aggregation = "count"
unit = "call"
exclude = [{{ reason = "small", where = {{ tokens = ["100"] }} }}]
"""


@pytest.fixture
def town(tmp_path: Path) -> Iterator[tuple[Home, Path]]:
    """A home whose meter `calls`, owned by "product", has an unsigned second version from 16 January."""
    home, _ = make_home(tmp_path / "home", now=FEBRUARY_3)
    with home:
        ingest(home, january(5))
        (tmp_path / "meter.toml").write_text(CALLS_2.format(owner="growth"))
        apply_catalog(home, tmp_path / "meter.toml")
        yield home, tmp_path


def owner_key(home: Home, folder: Path, owner: str) -> Path:
    private = folder / f"{owner}.key"
    generate_key(private, folder / f"{owner}.pub")
    register_key(home, OwnerRole.OWNER, owner, folder / f"{owner}.pub")
    return private


def signed(home: Home, folder: Path, private: Path, version: int = 2) -> Path:
    write_approval_request(home, "calls", version, folder / "ask.json")
    out = folder / "signed.json"
    sign_request(folder / "ask.json", private_key=private, role=OwnerRole.OWNER, person=None, out=out)
    return out


def test_an_unsigned_version_parks_the_account_and_a_signature_lets_it_go(town: tuple[Home, Path]) -> None:
    home, folder = town
    outcomes = [outcome for _, _, outcome in close(home, as_of=FEBRUARY_3).outcomes]
    assert outcomes and all(isinstance(outcome, Parked) for outcome in outcomes)
    for outcome in outcomes:
        assert isinstance(outcome, Parked)
        assert "meter calls version 2, in force from 2026-01-16T00:00:00Z, is not approved" in outcome.reason
        assert "its owner product has not signed it" in outcome.reason
        assert "catalog request calls --version 2" in outcome.next_action
    assert list_invoices(home) == (), "the old version is not used in silence either"
    change = approve(home, "calls", None, signed(home, folder, owner_key(home, folder, "Product")))
    assert change.signature is not None and unapproved(home) == {}
    assert {type(outcome) for _, _, outcome in close(home, as_of=FEBRUARY_3).outcomes} == {Sealed}
    stored = show_invoice(home, list_invoices(home)[0].id).document
    document = json.loads(stored)
    found = [
        (line["snapshot"]["meter_version"], line["segment"]["start"])
        for line in document["lines"]
        if line["meter"] == "calls"
    ]
    assert found == [(1, "2026-01-01T00:00:00Z"), (2, "2026-01-16T00:00:00Z")]
    assert document["meter_approvals"] == [
        {"meter": "calls", "version": 2, "owner": "Product", "key_id": change.signature.key_id}
    ]
    page = StringIO()
    Console(file=page, width=200).print(invoice_page(read_document("one", stored)))
    assert "Meter calls version 2, signed by Product." in page.getvalue()


def test_the_owner_of_the_version_before_signs_and_nobody_else(town: tuple[Home, Path]) -> None:
    home, folder = town
    (change,) = changes(home)
    assert (change.owner, change.meter.owner) == ("product", "growth"), "who owns it signs it away"
    stranger = owner_key(home, folder, "growth")
    with pytest.raises(SignatureRefused, match="product's to sign, not growth's"):
        approve(home, "calls", 2, signed_as(home, folder, stranger, "growth"))
    assert list(unapproved(home)) == [("calls", 2)]


def signed_as(home: Home, folder: Path, private: Path, person: str) -> Path:
    write_approval_request(home, "calls", 2, folder / "ask.json")
    out = folder / "signed.json"
    sign_request(folder / "ask.json", private_key=private, role=OwnerRole.OWNER, person=person, out=out)
    return out


def test_shortcuts_are_refused(town: tuple[Home, Path]) -> None:
    home, folder = town
    private = folder / "product.key"
    generate_key(private, folder / "product.pub")
    with pytest.raises(SignatureRefused, match="not registered"):
        approve(home, "calls", 2, signed(home, folder, private))
    key = register_key(home, OwnerRole.OWNER, "product", folder / "product.pub")
    file = signed(home, folder, private)
    members = json.loads(file.read_text())
    file.write_text(json.dumps({**members, "signature": "00" * 64}))
    with pytest.raises(SignatureRefused, match="does not verify"):
        approve(home, "calls", 2, file)
    file.write_text(json.dumps({**members, "document_digest": "0" * 64}))
    with pytest.raises(SignatureRefused, match="is not over meter calls version 2"):
        approve(home, "calls", 2, file)
    file.write_text(json.dumps({**members, "role": "ops"}))
    with pytest.raises(SignatureRefused, match="policy submit"):
        approve(home, "calls", 2, file)
    file.write_text(json.dumps(members))
    with pytest.raises(SignatureRefused, match="catalog approve"):
        add_signature(home, file)
    with pytest.raises(NotForThisRole, match="tieout catalog sign"):
        sign_request(
            folder / "ask.json", private_key=private, role=PolicyRole.OPS, person="Chi", out=folder / "x"
        )
    revoke_key(home, KeyId(key.key_id))
    with pytest.raises(SignatureRefused, match="revoked"):
        approve(home, "calls", 2, file)
    assert list(unapproved(home)) == [("calls", 2)]


def test_a_signature_stays_when_its_key_is_revoked_and_is_given_once(town: tuple[Home, Path]) -> None:
    home, folder = town
    private = owner_key(home, folder, "product")
    change = approve(home, "calls", 2, signed(home, folder, private))
    assert change.signature is not None
    assert isinstance(home.clock, SteppedClock)
    home.clock.set_to(Instant(FEBRUARY_3 + 1))
    revoke_key(home, KeyId(change.signature.key_id))
    assert unapproved(home) == {}
    with pytest.raises(AlreadyApproved):
        write_approval_request(home, "calls", 2, folder / "again.json")
    for meter, version in (("calls", 1), ("calls", 9), ("nothing", None)):
        with pytest.raises(NothingToApprove):
            write_approval_request(home, meter, version, folder / "again.json")


def test_a_version_put_in_between_needs_its_own_signature_and_undoes_none(town: tuple[Home, Path]) -> None:
    home, folder = town
    private = owner_key(home, folder, "product")
    approve(home, "calls", 2, signed(home, folder, private))
    text = CALLS_2.format(owner="product").replace("version = 2", "version = 4").replace("01-16", "01-20")
    (folder / "meter.toml").write_text(text)
    apply_catalog(home, folder / "meter.toml")
    growth = owner_key(home, folder, "growth")
    approve(home, "calls", 4, signed(home, folder, growth, version=4))
    between = CALLS_2.format(owner="ops").replace("version = 2", "version = 3").replace("01-16", "01-18")
    (folder / "meter.toml").write_text(between)
    apply_catalog(home, folder / "meter.toml")
    assert list(unapproved(home)) == [("calls", 3)]
