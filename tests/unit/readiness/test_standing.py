"""Sign-offs that go stale, overrides that name what they pass over, and what an open item refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.readiness.sample import BEFORE, EXPORT, NOW, good_facts
from tieout.contract.document import DocumentKind
from tieout.contract.policy import EngineeringRole, PolicyRole, SignerRole
from tieout.contract.signature import Signature, SigningKey
from tieout.kernel.ids import CustomerId, KeyId
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant
from tieout.readiness.facts import Facts, TotalsFacts
from tieout.readiness.finance_export import totals_of
from tieout.readiness.item import ItemKey, Open, Problem, evidence_digest
from tieout.readiness.items import ITEMS, item_named
from tieout.readiness.level import OF_AN_ACCOUNT, Level, RecordedLevel, widens
from tieout.readiness.override import OVERRIDE_DAYS_MAX, Override, passes_over
from tieout.readiness.standing import SignOff, Standing, State, refusing, standings

ROLES: tuple[SignerRole, ...] = (*PolicyRole, EngineeringRole.ENGINEERING)
PEOPLE = dict(zip(ROLES, ("Ada", "Bram", "Chi", "Eve"), strict=True))
KEYS = {
    KeyId(role.value): SigningKey(KeyId(role.value), role, person, role.value.encode(), BEFORE, None)
    for role, person in PEOPLE.items()
}
UNTIL = Instant(NOW + 24 * HOUR_MICROSECONDS)


def signature(role: SignerRole, *, person: str | None = None, key: str | None = None) -> Signature:
    return Signature(role, KeyId(key or role.value), person or PEOPLE[role], "d", b"", NOW)


def signed(facts: Facts) -> list[SignOff]:
    """Everybody has signed everything as it is."""
    return [
        SignOff(
            item.key.value,
            evidence_digest(item.key, item.check(facts)),
            tuple(signature(role) for role in item.roles),
        )
        for item in ITEMS
    ]


def stands(
    facts: Facts, sign_offs: list[SignOff], overrides: tuple[Override, ...] = ()
) -> dict[ItemKey, Standing]:
    found = standings(facts, sign_offs, overrides, KEYS, now=NOW)
    return {each.item.key: each for each in found}


def an_override(item: ItemKey, *problems: str, **other: object) -> Override:
    trio = tuple(signature(role) for role in PolicyRole)
    made = Override("o", item.value, problems, "why", "Dana", BEFORE, UNTIL, trio)
    return replace(made, **other)  # type: ignore[arg-type]


def test_passed_needs_the_check_and_every_role() -> None:
    facts = good_facts()
    assert {each.state for each in stands(facts, signed(facts)).values()} == {State.PASSED}
    nobody = stands(facts, [])
    assert {each.state for each in nobody.values()} == {State.OPEN}
    assert [each.what for each in nobody[ItemKey.EVENT].problems] == [
        "not signed off by product",
        "not signed off by engineering",
    ]
    one_missing = [replace(each, signatures=each.signatures[1:]) for each in signed(facts)]
    assert stands(facts, one_missing)[ItemKey.TOTALS].missing == (PolicyRole.FINANCE,)


def test_other_evidence_makes_a_sign_off_stale() -> None:
    before = signed(good_facts())
    rules = good_facts().rules
    assert rules is not None
    now = stands(replace(good_facts(), rules=replace(rules, digest="00" * 32)), before)
    assert (now[ItemKey.RULES].state, now[ItemKey.RULES].signed) == (State.OPEN, ())
    assert now[ItemKey.RULES].stale == tuple(PolicyRole)
    assert now[ItemKey.RULES].problems[0].what == "product signed other evidence than there is now"
    assert now[ItemKey.EVENT].state is State.PASSED


def test_a_sign_off_by_another_role_counts_for_nothing() -> None:
    facts = good_facts()
    wrong = [replace(each, signatures=(signature(PolicyRole.PRODUCT),)) for each in signed(facts)]
    assert stands(facts, wrong)[ItemKey.TOTALS].missing == (PolicyRole.FINANCE,)


@pytest.mark.parametrize("other", [{"person": "ada "}, {"key": "product"}])
def test_one_person_or_key_does_not_sign_off_for_two_roles(other: dict[str, str]) -> None:
    facts = good_facts()
    before = signed(facts)
    alone = [
        replace(each, signatures=(*each.signatures[:1], signature(PolicyRole.FINANCE, **other)))
        if each.item == ItemKey.RULES
        else each
        for each in before
    ]
    alone[0] = replace(alone[0], signatures=(*alone[0].signatures, signature(PolicyRole.OPS)))
    found = stands(facts, alone)[ItemKey.RULES]
    assert found.state is State.OPEN
    assert [each.what.partition(":")[2] for each in found.problems] == [" one person or key for two roles"]
    mended = replace(alone[0], signatures=(signature(PolicyRole.FINANCE), *alone[0].signatures))
    assert stands(facts, [mended])[ItemKey.RULES].state is State.PASSED


def test_three_signatures_pass_over_exactly_the_problems_they_name() -> None:
    facts = replace(good_facts(), events=())
    (problem,) = stands(facts, [])[ItemKey.EVENT].problems
    over = an_override(ItemKey.EVENT, problem.what)
    found = stands(facts, [], (over,))[ItemKey.EVENT]
    assert (found.state, found.override) == (State.OVERRIDDEN, over)
    assert stands(facts, [], (replace(over, problems=("another",)),))[ItemKey.EVENT].is_open
    assert stands(facts, [], (replace(over, item=ItemKey.RULES.value),))[ItemKey.EVENT].is_open
    assert stands(good_facts(), [], (over,))[ItemKey.EVENT].is_open, "nobody signed it off: another problem"


@pytest.mark.parametrize(
    "less",
    [
        {"signatures": tuple(signature(role) for role in (PolicyRole.PRODUCT, PolicyRole.OPS))},
        {"proposer": " ADA"},
        {
            "signatures": tuple(
                signature(role, person="Ada" if role is PolicyRole.OPS else None) for role in PolicyRole
            )
        },
        {"signatures": tuple(signature(role, key="product") for role in PolicyRole)},
        {"until": NOW},
        {"proposed_at": UNTIL},
        {"until": Instant(BEFORE + (OVERRIDE_DAYS_MAX * 24 + 1) * HOUR_MICROSECONDS)},
    ],
)
def test_an_override_with_less_than_that_is_none(less: dict[str, object]) -> None:
    problems = [Problem("p", "a")]
    whole = an_override(ItemKey.EVENT, "p")
    assert passes_over(whole, item_named(ItemKey.EVENT), problems, KEYS, now=NOW)
    assert not passes_over(replace(whole, **less), item_named(ItemKey.EVENT), problems, KEYS, now=NOW)  # type: ignore[arg-type]


def test_four_items_are_never_passed_over_whatever_was_signed() -> None:
    never = [item for item in ITEMS if not item.may_be_overridden]
    assert {item.key for item in never} == {
        *(ItemKey.REPLAY, ItemKey.TOTALS, ItemKey.DISPUTE_EVIDENCE, ItemKey.BACKFILL)
    }
    for item in never:
        over = an_override(item.key, "p")
        assert not passes_over(over, item, [Problem("p", "a")], KEYS, now=NOW)
    facts = replace(good_facts(), totals=TotalsFacts((), "damaged"))
    checked = item_named(ItemKey.TOTALS).check(facts)
    assert isinstance(checked, Open)
    over = an_override(ItemKey.TOTALS, *(each.what for each in checked.problems))
    assert stands(facts, signed(facts), (over,))[ItemKey.TOTALS].is_open


def test_that_there_is_nothing_yet_may_be_passed_over_and_a_failure_beside_it_not() -> None:
    for item in (ItemKey.REPLAY, ItemKey.TOTALS):
        nothing, failed = Problem("n", "a", is_absence=True), Problem("f", "a")
        over = an_override(item, "n", "f")
        assert passes_over(over, item_named(item), [nothing], KEYS, now=NOW)
        assert not passes_over(over, item_named(item), [nothing, failed], KEYS, now=NOW)
    facts = replace(good_facts(), replays=(), totals=TotalsFacts((), totals_of(EXPORT)))
    assert [each.is_absence for each in stands(facts, [])[ItemKey.REPLAY].problems] == [True]
    assert [each.is_absence for each in stands(facts, [])[ItemKey.TOTALS].problems] == [True]
    assert [each.is_absence for each in stands(good_facts(), [])[ItemKey.REPLAY].problems] == [False]
    assert stands(facts, [])[ItemKey.REPLAY].may_be_overridden
    assert not stands(good_facts(), [])[ItemKey.REPLAY].may_be_overridden
    assert not stands(good_facts(), signed(good_facts()))[ItemKey.EVENT].may_be_overridden, "nothing is open"


def test_an_open_item_refuses_terms_and_neither_its_remedy_nor_accounts() -> None:
    facts = replace(good_facts(), rules=None)
    found = tuple(stands(facts, signed(facts)).values())

    def refused_by(*kinds: DocumentKind) -> list[ItemKey]:
        return [each.item.key for each in refusing(found, kinds)]

    assert refused_by(DocumentKind.PRICE) == [ItemKey.RULES]
    assert refused_by(DocumentKind.POLICY) == []
    assert refused_by(DocumentKind.POLICY, DocumentKind.PRICE) == [ItemKey.RULES]
    assert refused_by(*OF_AN_ACCOUNT) == []
    assert refused_by(DocumentKind.CUSTOMER, DocumentKind.PLAN) == [ItemKey.RULES]
    late = tuple(stands(replace(good_facts(), samples=()), signed(good_facts())).values())
    price = {DocumentKind.PRICE}
    assert {each.item.key for each in refusing(late, price)} == {ItemKey.SAMPLES, ItemKey.TOTALS}
    assert {each.item.key for each in refusing(late, price, by_correction=True)} == {ItemKey.TOTALS}
    whole = tuple(stands(good_facts(), signed(good_facts())).values())
    assert refusing(whole, set(DocumentKind)) == ()


def test_wide_and_one_account_more_are_wider() -> None:
    acme, birch = CustomerId("acme"), CustomerId("birch")
    narrow = RecordedLevel(1, Level.NARROW, (acme,), "Ada", "start", NOW)
    wide = RecordedLevel(2, Level.WIDE, (), "Ada", "all", NOW)
    assert widens(None, Level.WIDE, ()) and widens(narrow, Level.WIDE, ())
    assert widens(narrow, Level.NARROW, (acme, birch)) and widens(narrow, Level.NARROW, (birch,))
    assert not widens(None, Level.NARROW, (acme,))
    assert not widens(wide, Level.NARROW, (acme, birch))
    assert not widens(replace(narrow, accounts=(acme, birch)), Level.NARROW, (acme,))
    assert narrow.bills(acme) and not narrow.bills(birch) and wide.bills(birch)
    assert (narrow.bills_inside, wide.bills_inside) == (False, True)
