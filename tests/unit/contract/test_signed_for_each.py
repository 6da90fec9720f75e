"""Three roles are signed for by three people with three keys: looked for here once more, one by one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tieout.contract.policy import PolicyRole
from tieout.contract.signature import Signature, SigningKey, signed_for_each
from tieout.kernel.ids import KeyId
from tieout.kernel.instant import Instant

AT = Instant(1)
ROLES = tuple(PolicyRole)
SPELLED = {"ann": "Ann", "ANN ": "Ann", "ben": "Ben", "cleo": "Cleo"}

signers = st.tuples(st.sampled_from(ROLES), st.sampled_from(sorted(SPELLED)), st.sampled_from("abc"))


@given(st.lists(signers, max_size=7))
def test_each_role_has_its_own_person_and_its_own_key(said: list[tuple[PolicyRole, str, str]]) -> None:
    keys: dict[KeyId, SigningKey] = {}
    signatures = []
    for place, (role, person, public) in enumerate(said):
        id = KeyId(str(place))
        keys[id] = SigningKey(id, role, person, public.encode(), AT, None)
        signatures.append(Signature(role, id, person, "d", b"", AT))
    chosen = [
        (one, two, three)
        for one in range(len(said))
        for two in range(len(said))
        for three in range(len(said))
        if [said[place][0] for place in (one, two, three)] == list(ROLES)
        and len({SPELLED[said[place][1]] for place in (one, two, three)}) == 3
        and len({said[place][2] for place in (one, two, three)}) == 3
    ]
    expected = None if not chosen else tuple(signatures[place] for place in chosen[0])
    assert signed_for_each(signatures, ROLES, keys) == expected


def test_fewer_roles_ask_for_fewer_people() -> None:
    key = SigningKey(KeyId("1"), PolicyRole.OPS, "Ann", b"a", AT, None)
    signed = Signature(PolicyRole.OPS, key.key_id, "Ann", "d", b"", AT)
    assert signed_for_each([signed], [PolicyRole.OPS], {key.key_id: key}) == (signed,)
    assert signed_for_each([signed], [PolicyRole.FINANCE], {key.key_id: key}) is None
