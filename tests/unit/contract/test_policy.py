"""A policy is in force when product, finance and ops have signed it with three keys, as three people, none
its proposer; revoking a key does not reach back."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest

from tests.unit.contract.sample import documents_of, texts
from tieout.contract.check import check
from tieout.contract.document import parse_documents
from tieout.contract.policy import Policy, PolicyRole, policy_governing
from tieout.contract.signature import (
    Signature,
    SigningKey,
    in_force,
    missing_roles,
    signed_bytes,
    valid_signatures,
)
from tieout.kernel.cadence import Cadence
from tieout.kernel.ids import KeyId, PolicyKey
from tieout.kernel.instant import Instant

HOME = "home-1"
PRODUCT, FINANCE, OPS = PolicyRole
POLICY = Policy(PolicyKey("p"), 1, Instant(100), None, Cadence.MONTHLY, 24, "Dana", None, "d" * 64)


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    return signature == sha256(public_key + message).digest()


def key(
    role: PolicyRole, person: str, *, name: str | None = None, revoked_at: int | None = None
) -> SigningKey:
    key_id = name or f"{role}-{person}"
    revoked = None if revoked_at is None else Instant(revoked_at)
    return SigningKey(KeyId(key_id), role, person, key_id.encode(), Instant(10), revoked)


def sign(policy: Policy, by: SigningKey, at: int, *, home: str = HOME) -> Signature:
    message = signed_bytes(
        home_id=home,
        document_digest=policy.digest,
        predecessor_digest=policy.predecessor_digest,
        role=by.role,
        effective_from=policy.effective_from,
    )
    signature = sha256(by.public_key + message).digest()
    return Signature(by.role, by.key_id, by.person, policy.digest, signature, Instant(at))


def since(policy: Policy, keys: list[SigningKey], signatures: list[Signature]) -> Instant | None:
    by_id = {found.key_id: found for found in keys}
    return in_force(policy, signatures, by_id, home_id=HOME, verify=verify)


def trio(*people: str) -> list[SigningKey]:
    return [key(role, person) for role, person in zip(PolicyRole, people, strict=True)]


KEYS = trio("Ann", "Ben", "Cleo")


def test_three_signatures_put_it_in_force_from_the_effective_instant() -> None:
    signatures = [sign(POLICY, by, at) for by, at in zip(KEYS, (20, 30, 40), strict=True)]
    assert since(POLICY, KEYS, signatures) == Instant(100)


def test_a_last_signature_after_the_effective_instant_delays_it() -> None:
    signatures = [sign(POLICY, by, at) for by, at in zip(KEYS, (20, 500, 40), strict=True)]
    assert since(POLICY, KEYS, signatures) == Instant(500)


@pytest.mark.parametrize("left_out", range(3))
def test_two_roles_do_not_suffice(left_out: int) -> None:
    signatures = [sign(POLICY, by, 20) for place, by in enumerate(KEYS) if place != left_out]
    assert since(POLICY, KEYS, signatures) is None
    assert missing_roles(POLICY, signatures) == (list(PolicyRole)[left_out],)


@pytest.mark.parametrize(
    "people",
    [
        ("Ann", "Ann", "Cleo"),
        ("Ann", "Ben", " ann "),
        ("Zo\u00eb", "Ben", "Zoe\u0308"),
        ("Ann", "Dana", "Cleo"),
    ],
)
def test_one_person_for_two_roles_or_the_proposer_needs_a_stated_exception(
    people: tuple[str, str, str],
) -> None:
    keys = trio(*people)
    assert since(POLICY, keys, [sign(POLICY, by, 20) for by in keys]) is None
    small = replace(POLICY, small_team_exception="two founders")
    assert since(small, keys, [sign(small, by, 20) for by in keys]) == Instant(100)


def test_the_proposer_does_not_fill_a_role() -> None:
    keys = trio("Ann", "Dana", "Cleo")
    assert missing_roles(POLICY, [sign(POLICY, by, 20) for by in keys]) == (FINANCE,)


def test_one_key_for_two_roles_never_suffices() -> None:
    keys = [replace(found, public_key=b"the same") for found in KEYS]
    small = replace(POLICY, small_team_exception="one founder")
    assert since(small, keys, [sign(small, by, 20) for by in keys]) is None


def test_a_second_signature_of_a_role_can_complete_the_set_and_the_first_complete_set_counts() -> None:
    keys = [*trio("Ann", "Dana", "Cleo"), key(FINANCE, "Ben"), key(FINANCE, "Eve")]
    times = (20, 20, 20, 300, 700)
    signatures = [sign(POLICY, by, at) for by, at in zip(keys, times, strict=True)]
    assert since(POLICY, keys, signatures) == Instant(300)


@pytest.mark.parametrize(("revoked_at", "expected"), [(19, None), (20, None), (21, 100), (9_999, 100)])
def test_revoking_a_key_does_not_undo_what_it_signed_before(revoked_at: int, expected: int | None) -> None:
    keys = [KEYS[0], key(FINANCE, "Ben", revoked_at=revoked_at), KEYS[2]]
    assert since(POLICY, keys, [sign(POLICY, by, 20) for by in keys]) == expected


def test_a_key_signs_only_from_its_registration_for_its_role_and_person() -> None:
    good = [sign(POLICY, by, 20) for by in KEYS]
    by_id = {found.key_id: found for found in KEYS}
    bad = [
        replace(good[0], signed_at=Instant(9)),
        replace(good[0], role=FINANCE),
        replace(good[0], person="Eve"),
        replace(good[0], key_id=KeyId("unknown")),
        replace(good[0], document_digest="e" * 64),
        replace(good[0], signature=b"x"),
        sign(POLICY, KEYS[0], 20, home="home-2"),
        sign(replace(POLICY, effective_from=Instant(99)), KEYS[0], 20),
        sign(replace(POLICY, predecessor_digest="a" * 64), KEYS[0], 20),
    ]
    assert valid_signatures(POLICY, bad, by_id, home_id=HOME, verify=verify) == ()
    assert valid_signatures(POLICY, good, by_id, home_id=HOME, verify=verify) == tuple(good)
    assert since(POLICY, KEYS, [*bad, *good[1:]]) is None


def test_signed_bytes_name_home_document_predecessor_role_and_instant() -> None:
    def signed(document: str, predecessor: str | None) -> bytes:
        return signed_bytes(
            home_id="h",
            document_digest=document,
            predecessor_digest=predecessor,
            role=OPS,
            effective_from=Instant(0),
        )

    assert signed("d", None) == (b"25:tieout/policy-signature/1,1:h,1:d,0:,3:ops,20:1970-01-01T00:00:00Z,")
    assert signed("da", "b") != signed("d", "ab")


def test_the_policy_that_came_into_force_last_governs() -> None:
    second = replace(
        POLICY, version=2, predecessor_digest=POLICY.digest, effective_from=Instant(50), digest="f" * 64
    )
    states = [(POLICY, Instant(100)), (second, Instant(400))]
    assert policy_governing(states, Instant(99)) is None
    assert policy_governing(states, Instant(100)) is POLICY
    assert policy_governing(states, Instant(399)) is POLICY
    assert policy_governing(states, Instant(400)) is second
    assert policy_governing(reversed(states), Instant(400)) is second
    assert policy_governing([(POLICY, Instant(100)), (second, None)], Instant(400)) is POLICY
    late_first = [(POLICY, Instant(600)), (second, Instant(400))]
    assert policy_governing(late_first, Instant(600)) is POLICY


def test_at_the_same_instant_the_successor_governs() -> None:
    second = replace(POLICY, version=2, predecessor_digest=POLICY.digest, digest="0" * 64)
    states = [(second, Instant(100)), (POLICY, Instant(100))]
    assert policy_governing(states, Instant(100)) is second
    assert policy_governing(reversed(states), Instant(100)) is second


def test_a_policy_names_its_predecessors_digest() -> None:
    first, _ = parse_documents("policy.toml", texts()["policy.toml"])
    text = texts()["policy.toml"].replace("version = 1", "version = 2").replace("2026-01-01", "2026-07-01")
    named = f'{text}predecessor_digest = "{first[0].digest}"\n'
    for second, problem in [(named, None), (text, f"must name v1, whose digest is {first[0].digest}")]:
        documents, _ = documents_of({**texts(), "policy2.toml": second})
        catalog, problems = check(documents)
        assert [found.message for found in problems] == ([] if problem is None else [problem])
        assert (catalog is None) == (problem is not None)
