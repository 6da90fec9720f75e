"""L19: whatever a signer who holds the key changes in one JSON member of a pack, the verifier finds: each
leaf of each member is changed in turn, and the pack signed again. What nothing else in a pack states is
listed here with the reason.

A sample of the changes by default, all of them and more stories in the long run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import pytest

from tests.changed_members import DOCUMENT, GONE, Change, changes_of, signed_with
from tests.evidence_packs import PackedHome, packed_home
from tests.scenarios.play import played
from tieout.evidence.verify import beside, minisign
from tieout.flows.build_pack import build_pack
from tieout.flows.invoices import list_invoices
from tieout.gateways.evidence_key import FileInstallationKey
from tieout.gateways.signing import KeyFileExists

LONG = bool(os.environ.get("TIEOUT_TEST_LONG"))
STORIES = ["credit_note_after_payment", "interim_coupon_and_tax"]
"""Discounts, taxes, corrections and a credit note; the long run plays those beside that have the rest."""
LONG_STORIES = [
    "commitment_rollover",
    "country_and_method_row_first",
    "coupons_of_corrected_months",
    "draft_noted_and_approved",
    "fee_in_advance_price_error",
    "manual_credit_approved_by_another",
    "storage_gb_hours_time_weighted",
    "tax_inclusive",
    "void_of_an_invoice_with_earned_fees",
    "waived_control_total",
    "wallet_promotional_first",
]
NOWHERE_ELSE = {
    r"manifest.json: (software_version|tzdata_version)": "what built the pack; nothing follows from it",
    r"manifest.json: not_proven(/.+)?": "the builder's own list; the verifier repeats it, and adds its own",
    r"log/heads.json: last(/.+)?": (
        "none follows it: it is held by whoever keeps it (--head), and its root by the roots below it"
    ),
    r"usage/ID-sN/usage.json: lineage/spans/#(/#)?": (
        "since when a subject is the customer's, and one without events, rests on what no pack has; that a "
        "span is not the whole period is in the report, that subjects are not proven on the page"
    ),
    r"lines/ID-N.json: manual_line/decided_by": "stated, not signed: in the report",
    r"invoice/transitions.json: (drafted|held|note|objection|approval|delta approval)/(person|reason)": (
        "what people said of drafts: in the report"
    ),
    r"invoice/transitions.json: (drafted|held|delta approval)/(sha256|cutoff)": "of drafts: in no pack",
    r"invoice/ledger.json: kept": "of a paper without entries: it says that, and nothing else",
    r"invoice/ledger.json: entries/(payment|applied|refund)(/(booked_at|id|person|reason))?": (
        "what was paid, refunded or applied since the seal: in the report"
    ),
    r"invoice/ledger.json: entries/(accrual|takes-back)/postings/#/account": (
        "of a commitment's line, or one that contains its tax, revenue or deferred revenue: in the report"
    ),
    r"invoice/movements.json: top-up-requested(/reason)?": (
        "it moves nothing; what the balance was, and so whether one was due, rests on others: in the report"
    ),
    r"invoice/movements.json: earned": "of a fee of which nothing was left to earn",
    r"invoice/movements.json: earned/account": "of a subscription without a line: in the report",
    r"invoice/movements.json: (committed|drawn|trued-up|lapsed|metered)(/(minor|reason|account))?": (
        "of commitments: in the report"
    ),
}
"""By place: why nothing in a pack can contradict it."""
OF_THE_DOCUMENT = {
    "software_version|tzdata_version": "what sealed it; nothing follows from it",
    "sequence": "which of several papers of one period; the others are not in this pack",
    "lines/#/(price_effective_from|rounding)": "of lines for which the catalog has no price",
    "discounts/#/(text|base|percent|stated|unused)": "in words; what looks at other papers: in the report",
    "discounts/#/(corrects(/.+)?|given_before(/.+)?)": "what other papers gave: in the report",
    "taxes/#/(text|note)": "in words",
    "taxes/(#|more)": "at no charge, so that it adds nothing",
    "taxes/#/lines/#": "a line that adds nothing to its base, or whose tax is contained",
    "taxes/#/rounding": "where two ways of rounding come to the same",
    "taxes/#/(base|percent)": "of what is contained or compound: in the report",
    "credits/#/text": "in words",
    "(off_cycle|replaces|waivers|meter_approvals)(/.+)?": "rests on what no pack has: in the report",
}
"""The same of the sealed document, where its digest stands wherever it is stated: who has the document that
was sent to the customer finds all of it."""

KIND_OF_PAPER = "invoice/document.json: paper"
"""Left out, where the digest follows: the first papers of format 2 had none, and were invoices. Any other
value is found."""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> PackedHome:
    return packed_home(tmp_path_factory.mktemp("l19-members"))


@pytest.fixture(autouse=True)
def _signatures_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same signature of a person verifies as it did, and that the manifest's does is no question here: so
    both are not computed thousands of times."""
    monkeypatch.setattr(beside, "is_signed", lru_cache(None)(beside.is_signed))
    monkeypatch.setattr(minisign, "is_signed", lambda *_: True)


def packs_of(story: str, folder: Path) -> Iterator[PackedHome]:
    with played(story, folder).home as home:
        with suppress(KeyFileExists):  # the story made it
            home.installation_key.create()
        for row in list_invoices(home):
            if row.status != "draft":
                content = build_pack(home, row.id).content
                yield PackedHome(home.folder, content, FileInstallationKey(home.folder))


def chosen(packed: PackedHome) -> Iterator[Change]:
    """All; by default of each place the first other value, and of every fourth one more change."""
    found: dict[str, list[Change]] = {}
    for member, content in packed.members.items():
        if member.endswith(".json"):
            for change in changes_of(member, content):
                found.setdefault(change.place, []).append(change)
    for number, each in enumerate(found.values()):
        yield from each if LONG else _two(each, number)


def _two(changes: list[Change], number: int) -> Iterator[Change]:
    yield next((each for each in changes if each.value is not GONE), changes[0])
    if number % 4 == 0 and number % len(changes):
        yield changes[number % len(changes)]


def unseen(packed: PackedHome, *, follows: bool) -> set[str]:
    """The places where a change is not found."""
    members = packed.members
    return {
        change.place
        for change in chosen(packed)
        if (change.member == DOCUMENT or not follows)
        and not (follows and change.place == KIND_OF_PAPER and change.value is GONE)
        and not packed.verify(signed_with(packed, members, change, follows=follows)).breaks
    }


def test_every_member_of_the_small_home(small: PackedHome) -> None:
    assert [each for each in sorted(unseen(small, follows=False)) if not known(each)] == []


def test_every_member_of_the_document_where_its_digest_follows(small: PackedHome) -> None:
    places = sorted(unseen(small, follows=True))
    assert [each for each in places if not known_of_document(each)] == []


@pytest.mark.parametrize("story", [*STORIES, *(LONG_STORIES if LONG else ())])
def test_every_member_of_stories(story: str, tmp_path: Path) -> None:
    packs = list(packs_of(story, tmp_path))
    assert packs
    for packed in packs[-2:] if LONG else packs[-1:]:
        assert packed.verify(packed.content).breaks == []
        assert [each for each in sorted(unseen(packed, follows=False)) if not known(each)] == []
        places = sorted(unseen(packed, follows=True))
        assert [each for each in places if not known_of_document(each)] == []


def known(place: str) -> bool:
    return any(re.fullmatch(each, place) for each in NOWHERE_ELSE)


def known_of_document(place: str) -> bool:
    path = place.removeprefix(f"{DOCUMENT}: ")
    return any(re.fullmatch(each, path) for each in OF_THE_DOCUMENT)
