"""Every item passes by the same facts, and is open by one fact less; each says which, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest

from tests.unit.readiness.sample import EXPORT, JANUARY, SEALED, expectations, good_facts, run
from tieout.kernel.ids import CustomerId
from tieout.readiness.facts import (
    BackfillFacts,
    ChangedTotal,
    ComplianceFact,
    DisputeFacts,
    EventFact,
    Facts,
    IncompleteDispute,
    PaperTotals,
    ReplayFact,
    Sample,
    TotalsFacts,
    TracedPaper,
    WaitingPolicy,
)
from tieout.readiness.finance_export import UnreadableExport, totals_of
from tieout.readiness.item import ItemKey, NotApplicable, Open, Passed, evidence_digest
from tieout.readiness.items import ITEMS, item_named
from tieout.replay.terms import Apart

Worse = Callable[[Facts], Facts]


def test_every_item_is_in_the_table_once_and_passes_by_good_facts() -> None:
    assert [item.key for item in ITEMS] == list(ItemKey)
    assert [item.key for item in ITEMS if not isinstance(item.check(good_facts()), Passed)] == []
    assert [item.key.value for item in ITEMS if not item.may_be_overridden] == [
        *("replay", "totals", "dispute-evidence", "backfill")
    ]
    assert all(item.roles for item in ITEMS)


def samples(*found: Sample) -> Worse:
    return lambda facts: replace(facts, samples=found)


def sample(account: str = "acme", **worse: object) -> Sample:
    good = good_facts().samples[0 if account == "acme" else 1]
    return replace(good, **worse)  # type: ignore[arg-type]


def exported(lines: list[str]) -> Worse:
    return lambda facts: replace(facts, totals=TotalsFacts(facts.totals.papers, totals_of(lines)))


def replayed(*aparts: Apart) -> Worse:
    """Passing as gates, and none of them counts."""
    good = good_facts().replays[0]
    return lambda facts: replace(facts, replays=tuple(replace(good, apart=each) for each in aparts))


BIRCH = good_facts().samples[1]
LACKING = IncompleteDispute("dp_1", ("it has no pack",), "tieout dispute examine dp_1")
CHANGED = ChangedTotal(CustomerId("acme"), "January", "INV-1", "", "nobody approved it")
OPEN_BY: list[tuple[ItemKey, Worse, str]] = [
    (ItemKey.RULES, lambda facts: replace(facts, rules=None), "no signed policy"),
    (ItemKey.SAMPLES, samples(), "no sample that agrees changed"),
    (ItemKey.SAMPLES, samples(BIRCH), "no sample that agrees changed"),
    (ItemKey.SAMPLES, samples(sample()), "no sample that agrees bills a late event"),
    (ItemKey.SAMPLES, samples(sample(run=run("acme", "INV-1", changed=True, late=1))), "of one account"),
    (ItemKey.SAMPLES, samples(sample(run=None), BIRCH), "it was not run"),
    (
        ItemKey.SAMPLES,
        samples(sample(expectations=expectations("acme")[1:]), BIRCH),
        "product recorded nothing",
    ),
    (
        ItemKey.SAMPLES,
        samples(sample(expectations=tuple(replace(e, person="Ada") for e in expectations("acme"))), BIRCH),
        "one person recorded for more than one role",
    ),
    (
        ItemKey.SAMPLES,
        samples(sample(expectations=expectations("acme", amount=Fraction("12.51"))), BIRCH),
        "expected USD 12.51, the run gives USD 12.50",
    ),
    (
        ItemKey.SAMPLES,
        samples(sample(expectations=expectations("acme", on=JANUARY.end)), BIRCH),
        "expected the invoice on 2026-02-01, it is made on 2026-02-02",
    ),
    (
        ItemKey.SAMPLES,
        samples(sample(expectations=expectations("acme", at=SEALED)), BIRCH),
        "recorded after INV-1 was sealed",
    ),
    (ItemKey.EVENT, lambda facts: replace(facts, events=()), "no meter in force counts"),
    (
        ItemKey.EVENT,
        lambda facts: replace(facts, events=(EventFact("api.call v1", "cd", 1, 0, ("calls",)),)),
        "no invalid example",
    ),
    (ItemKey.REPLAY, lambda facts: replace(facts, replays=()), "no replay set of this home was ever run"),
    (ItemKey.REPLAY, replayed(Apart.OTHER_HOME, Apart.NO_HOME), "no replay set of this home was ever run"),
    (ItemKey.REPLAY, replayed(Apart.OTHER_TERMS), "no replay set was run with the terms that"),
    (ItemKey.REPLAY, replayed(Apart.OTHER_HOME, Apart.OTHER_TERMS), "no replay set was run with the terms"),
    (
        ItemKey.REPLAY,
        lambda facts: replace(facts, replays=(*facts.replays, ReplayFact("f", "2 differences", (), ""))),
        "f failed: 2 differences",
    ),
    (
        ItemKey.REPLAY,
        lambda facts: replace(facts, replays=(ReplayFact("f", "", ("no retry", "no conflict"), ""),)),
        "f is no gate: no conflict",
    ),
    (ItemKey.TRACE, lambda facts: replace(facts, traced=()), "no sample is sealed"),
    (
        ItemKey.TRACE,
        lambda facts: replace(facts, traced=(TracedPaper("INV-1", "ab", 2, (("l-2", "amount"),)),)),
        "line l-2 of INV-1 does not come out the same: amount",
    ),
    (ItemKey.TOTALS, lambda facts: replace(facts, totals=TotalsFacts((), totals_of(EXPORT))), "no invoice"),
    (ItemKey.TOTALS, lambda facts: replace(facts, totals=TotalsFacts((), "damaged")), "damaged"),
    (
        ItemKey.TOTALS,
        exported(EXPORT[:2] + EXPORT[3:]),
        "INV-1: the total is USD 12.50, the export adds up to",
    ),
    (ItemKey.TOTALS, exported(EXPORT[:5] + EXPORT[7:]), "INV-2: what is left after credits is USD 10.50"),
    (ItemKey.TOTALS, exported(EXPORT[:-1]), "debits and credits of USD differ by USD 12.50"),
    (
        ItemKey.DISPUTE_OWNERS,
        lambda facts: replace(facts, disputes=DisputeFacts((), ("engineering",), 0, ())),
        "nobody is named for engineering",
    ),
    (
        ItemKey.DISPUTE_EVIDENCE,
        lambda facts: replace(facts, disputes=DisputeFacts((), (), 2, (LACKING,))),
        "dispute dp_1: it has no pack",
    ),
    (
        ItemKey.COMPLIANCE,
        lambda facts: replace(facts, compliance=(ComplianceFact("screening", True, None),)),
        "never validated",
    ),
    (
        ItemKey.BACKFILL,
        lambda facts: replace(facts, backfill=BackfillFacts("", (CHANGED,), ())),
        "nobody approved it",
    ),
    (
        ItemKey.BACKFILL,
        lambda facts: replace(facts, backfill=BackfillFacts("", (), (CHANGED,))),
        "nobody approved it",
    ),
]


@pytest.mark.parametrize(("key", "worse", "why"), OPEN_BY)
def test_open_by_one_fact_less(key: ItemKey, worse: Worse, why: str) -> None:
    found = item_named(key).check(worse(good_facts()))
    assert isinstance(found, Open)
    assert [each.what for each in found.problems if why in each.what], found.problems
    assert all(each.next_action for each in found.problems)


def test_every_problem_is_named_not_the_first() -> None:
    wrong = expectations("acme", amount=Fraction(1), on=JANUARY.end, at=SEALED)
    found = item_named(ItemKey.SAMPLES).check(
        replace(good_facts(), samples=(sample(expectations=wrong), BIRCH))
    )
    assert isinstance(found, Open)
    assert len(found.problems) == 3 * 3 + 1


def test_a_sample_that_agrees_settles_an_earlier_one_that_differed() -> None:
    differs = sample(expectations=expectations("acme", amount=Fraction(1)))
    february = replace(JANUARY, start=JANUARY.end, end=JANUARY.end.replace(month=3))
    later = replace(
        sample(),
        billed=february,
        expectations=tuple(replace(each, billed=february) for each in expectations("acme")),
    )
    check = item_named(ItemKey.SAMPLES).check
    assert isinstance(check(replace(good_facts(), samples=(differs, later, BIRCH))), Passed)
    assert isinstance(
        check(replace(good_facts(), samples=(later, replace(differs, run=None), BIRCH))), Passed
    )


def test_a_set_that_is_no_gate_does_no_harm_beside_one_that_is() -> None:
    beside = ReplayFact("recorded", "", ("recorded from the product",), "")
    check = item_named(ItemKey.REPLAY).check
    assert isinstance(check(replace(good_facts(), replays=(*good_facts().replays, beside))), Passed)


def test_what_does_not_count_is_shown_and_neither_passes_nor_fails_anything() -> None:
    failed = ReplayFact("recorded", "2 differences", (), "told")
    beside = tuple(replace(failed, apart=each) for each in Apart)
    check = item_named(ItemKey.REPLAY).check
    found = check(replace(good_facts(), replays=(*good_facts().replays, *beside)))
    assert isinstance(found, Passed)
    assert [each.name for each in found.evidence if not each.signed] == [
        f"recorded, {each}: does not count" for each in Apart
    ]
    only = check(replace(good_facts(), replays=beside[2:]))
    assert isinstance(only, Open) and not only.problems[0].is_absence
    foreign = check(replace(good_facts(), replays=beside[:2]))
    assert isinstance(foreign, Open) and foreign.problems[0].is_absence


def test_what_is_not_there_is_not_applicable() -> None:
    facts = replace(
        good_facts(),
        disputes=DisputeFacts((("ops", "Chi"),), (), 0, ()),
        compliance=(ComplianceFact("screening", False, None),),
    )
    for key in (ItemKey.DISPUTE_EVIDENCE, ItemKey.COMPLIANCE):
        assert isinstance(item_named(key).check(facts), NotApplicable)
    assert "screening" in repr(item_named(ItemKey.COMPLIANCE).check(facts))


def test_only_signed_facts_are_in_the_digest() -> None:
    totals = item_named(ItemKey.TOTALS)
    one = evidence_digest(totals.key, totals.check(good_facts()))
    more = [
        *EXPORT,
        "invoice/in_9,INV-9,receivable,1.00,,USD\r\n",
        "invoice/in_9,INV-9,revenue,,1.00,USD\r\n",
    ]
    papers = (*good_facts().totals.papers, PaperTotals("INV-9", "USD", Fraction(1), Fraction(1)))
    of_others = replace(good_facts(), totals=TotalsFacts(papers, totals_of(more)))
    assert isinstance(totals.check(of_others), Passed)
    assert evidence_digest(totals.key, totals.check(of_others)) == one
    rules = item_named(ItemKey.RULES)
    waiting = replace(good_facts(), waiting_policies=(WaitingPolicy("close v2", ("ops",)),))
    assert evidence_digest(rules.key, rules.check(waiting)) == evidence_digest(
        rules.key, rules.check(good_facts())
    )


@pytest.mark.parametrize(
    "lines",
    [
        ["entry,number\r\n"],
        [EXPORT[0], "invoice/in_1,INV-1,receivable,1e3,,USD\r\n"],
        [EXPORT[0], "invoice/in_1,INV-1,receivable,-1,,USD\r\n"],
        [EXPORT[0], "invoice/in_1,INV-1,receivable\r\n"],
        [EXPORT[0], 'invoice/in_1,"INV-1\r\n'],
    ],
)
def test_what_is_no_export_is_refused(lines: list[str]) -> None:
    with pytest.raises(UnreadableExport):
        totals_of(lines)


@pytest.mark.parametrize(
    ("key", "part"),
    [
        (ItemKey.TOTALS, "totals"),
        (ItemKey.DISPUTE_OWNERS, "disputes"),
        (ItemKey.DISPUTE_EVIDENCE, "disputes"),
        (ItemKey.BACKFILL, "backfill"),
    ],
)
def test_what_nobody_read_passes_nothing(key: ItemKey, part: str) -> None:
    unread = replace(good_facts(), **{part: None})  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="read where the item is asked for"):
        item_named(key).check(unread)
