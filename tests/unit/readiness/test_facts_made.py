"""What checks are told of one record: a paper's run, a correction's approval, a replay, a signature."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.readiness.sample import JANUARY, NOW
from tests.unit.replay.test_result import RESULT
from tieout.contract.policy import PolicyRole
from tieout.contract.signature import Signature, SigningKey
from tieout.evidence.stored_corrections import StoredApproval, StoredReport
from tieout.invoice.stored_document import StoredDocument, read_document
from tieout.kernel.ids import CustomerId, KeyId
from tieout.kernel.instant import parse_instant
from tieout.readiness.backfill import BY_POLICY, approval_of
from tieout.readiness.documents import ReadinessDocument, ReadinessKind, signed_for_another_role
from tieout.readiness.facts import ReplayFact
from tieout.readiness.replayed import mends, replay_fact
from tieout.readiness.run import run_of
from tieout.replay.terms import Apart

PACK = Path(__file__).parents[2] / "golden" / "pack_v1.zip"
DAYS = ["2026-01-01T00:00:00Z", "2026-01-16T00:00:00Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"]
REPORT = StoredReport(
    "a" * 64, "usage", "{}", "[]", "Omar", "late", NOW, (StoredApproval("Fatima", "", NOW),)
)


def paper(*lines: dict[str, Any]) -> StoredDocument:
    """Of January, with these members in copies of its first line."""
    with zipfile.ZipFile(PACK) as read:
        document = json.loads(read.read("invoice/document.json"))
    document["period"] = {"start": DAYS[0], "end": DAYS[2], "zone": "UTC"}
    document["lines"] = [{**document["lines"][0], **line} for line in lines]
    return read_document("one", json.dumps(document).encode())


def corrects(start: str, late: int) -> dict[str, Any]:
    period = {"start": start, "end": DAYS[0]}
    return {
        "correction": {
            "period": period,
            "causes": ["late"],
            "late_events": late,
            "retracted_events": 0,
            "reason": "",
        }
    }


segments = st.tuples(st.sampled_from("ab"), st.integers(0, 2), st.booleans())
late = st.tuples(st.sampled_from(["2025-11-01T00:00:00Z", "2025-12-01T00:00:00Z"]), st.integers(0, 9))


@given(parts=st.lists(segments, max_size=5), corrections=st.lists(late, max_size=5))
def test_a_run_says_whether_a_subscription_changed_and_how_much_came_late(
    parts: list[tuple[str, int, bool]], corrections: list[tuple[str, int]]
) -> None:
    lines: list[dict[str, Any]] = []
    for subscription, place, whole in parts:
        end = DAYS[2] if whole and place == 0 else DAYS[place + 1]
        lines.append({"subscription": subscription, "segment": {"start": DAYS[place], "end": end}})
    lines += [{**corrects(*each), "segment": {"start": each[0], "end": DAYS[0]}} for each in corrections]
    found = run_of(CustomerId("acme"), JANUARY, paper(*lines), parse_instant("2026-02-02T00:00:00Z"))
    kinds = {subscription: set[str]() for subscription, _, _ in parts}
    for subscription, place, whole in parts:
        if place < 2:  # the third is for the next period: a fee in advance
            kinds[subscription].add("whole" if whole and place == 0 else str(place))
    assert found.changed_inside == any(len(each) > 1 for each in kinds.values())
    of_month: dict[str, list[int]] = {}
    for start, count in corrections:
        of_month.setdefault(start, []).append(count)
    assert found.late_events == sum(max(counts) for counts in of_month.values())
    assert (found.number, found.sealed_at, found.on) == (None, None, date(2026, 2, 2))


def test_a_correction_is_approved_by_another_person_or_in_advance() -> None:
    digest = REPORT.digest
    told = (f"report {digest[:16]}, approved by Fatima", None)
    assert approval_of(digest, REPORT, digest_now=digest, in_advance=False) == told
    assert approval_of("", None, digest_now="", in_advance=True) == (BY_POLICY, None)


@pytest.mark.parametrize(
    ("digest", "report", "digest_now", "says"),
    [
        ("", None, "", "changed without a delta report"),
        (REPORT.digest, None, "", "is not here"),
        (REPORT.digest, REPORT, "b" * 64, "is not what was approved"),
        (REPORT.digest, replace(REPORT, person="FATIMA"), REPORT.digest, "nobody but FATIMA approved"),
        (REPORT.digest, replace(REPORT, approvals=()), REPORT.digest, "nobody but Omar approved"),
    ],
)
def test_what_nobody_else_approved_is_told(
    digest: str, report: StoredReport | None, digest_now: str, says: str
) -> None:
    told, problem = approval_of(digest, report, digest_now=digest_now, in_advance=False)
    assert not told and problem is not None and says in problem


def test_a_replay_of_another_version_says_nothing_of_this_one() -> None:
    found = replace(RESULT, differences=0, software="1")
    assert replay_fact(found, None, software="1").difference == ""
    assert "version 1, this is 2" in replay_fact(found, None, software="2").difference
    assert replay_fact(replace(found, differences=2), None, software="2").difference == "2 differences"


def replayed(name: str, difference: str = "", apart: Apart | None = None) -> ReplayFact:
    return ReplayFact(name, difference, (), "told", apart)


def test_a_change_mends_replays_only_if_each_that_failed_passes_with_it() -> None:
    failed = [replayed("one", "1 difference"), replayed("two")]
    assert mends(failed, [replayed("one"), replayed("two")])
    assert not mends([replayed("one"), replayed("two")], [replayed("one"), replayed("two")])
    assert not mends(failed, [replayed("two")])
    assert not mends(failed, [replayed("one"), replayed("two", "1 difference")])
    assert not mends(failed, [replayed("one", apart=Apart.OTHER_TERMS), replayed("two")])


def test_nobody_signs_a_document_for_two_roles() -> None:
    document = ReadinessDocument("d" * 64, ReadinessKind.OVERRIDE, "replay", "{}", "Dana", NOW)
    ada = SigningKey(KeyId("1"), PolicyRole.PRODUCT, "Ada", b"a", NOW, None)
    signed = Signature(PolicyRole.PRODUCT, ada.key_id, "Ada", document.digest, b"", NOW)
    keys = {ada.key_id: ada}

    def before(key: SigningKey, signature: Signature = signed) -> Signature | None:
        return signed_for_another_role(document, key, [signature], keys)

    bram = SigningKey(KeyId("2"), PolicyRole.FINANCE, "Bram", b"b", NOW, None)
    assert before(bram) is None
    assert before(replace(bram, person=" ada")) == signed
    assert before(replace(bram, public_key=b"a")) == signed
    assert before(replace(bram, role=PolicyRole.PRODUCT, person="Ada")) is None
    assert before(replace(bram, person="Ada"), replace(signed, document_digest="e" * 64)) is None
