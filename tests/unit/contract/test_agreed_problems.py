"""What a phase agrees must fit its plan, and what tiers do in a split period must mean something; every
mistake is named with its place."""

from __future__ import annotations

import pytest

from tests.unit.contract.sample import problems_of, with_changes

B, M, P = "subscriptions.toml", "meters.toml", "prices.toml"
V2, EDGE = "subscription acme-main v2", "subscription hoshi-edge v1"
PHASE = "plan_version = 1\n"
OPEN_EDGE = 'until = "2027-01-01T00:00:00+09:00"'
KEPT = "prices_as_of = 2026-01-15T00:00:00Z\n"
NEXT = '\n[[subscription.phase]]\nplan = "edge"\nfrom = "2027-01-01T00:00:00+09:00"\n'
EURO = """
[[price]]
key = "team-fee-eur"
version = 1
effective_from = 2026-01-01T00:00:00Z
currency = "EUR"
description = "Team plan, monthly fee"
shape = "flat"
amount = "45.00"
"""

PHASES = [
    # (what the phase of Acme on Team adds, field, part of the message)
    ('quantities = { team-fee-usd = "-1" }', "quantities.team-fee-usd", "-1 is negative"),
    ("quantities = { team-fee-usd = 5 }", "quantities.team-fee-usd", 'write the decimal as a string: "5"'),
    ('quantities = { team-fee = "5" }', "quantities.team-fee", "plan 'team' has no price 'team-fee'"),
    ('quantities = { seats-usd = "5" }', "quantities.seats-usd", "usage says its quantity"),
    ('quantities = "5"', "quantities", "must be a table"),
    ('prices = { team-fee = "team-fee-usd" }', "prices.team-fee", "has no price 'team-fee'"),
    (
        'prices = { team-fee-usd = "team-fee-acme" }',
        "prices.team-fee-usd",
        "there is no price 'team-fee-acme'",
    ),
    ('prices = { team-fee-usd = "edge-fee-jpy" }', "prices.team-fee-usd", "edge-fee-jpy v1 is in JPY"),
    ('prices = { seats-usd = "generated-tokens-usd" }', "prices.seats-usd", "would be billed twice"),
    ('prices = { seats-usd = "generated-tokens-usd" }', "prices.seats-usd", "is for generated-tokens"),
    ("trial = true\npaused = true", "paused", "one of the two"),
    ('trial = "yes"', "trial", "true or false"),
    ('successor = "starter"', "successor", "means nothing without prices_as_of"),
    ("prices_as_of = 2026-02-15T00:00:00Z", "prices_as_of", "is after from"),
    ("prices_as_of = 2026-01-15T00:00:00Z", "until", "kept until an explicit end"),
    ("prices_as_of = 2026-01-15T00:00:00Z", "successor", "name the plan of the phase that follows"),
    ("price = 1", "price", "did you mean 'prices'"),
]


@pytest.mark.parametrize(("added", "field", "message"), PHASES, ids=lambda each: str(each)[:40])
def test_a_phase_that_does_not_fit_is_named(added: str, field: str, message: str) -> None:
    expect(with_changes((B, PHASE, f"{PHASE}{added}\n")), V2, f"phase[1].{field}", message)


def expect(files: dict[str, str], document: str, field: str, message: str) -> None:
    problems = problems_of(files)
    found = [problem for problem in problems if (problem.key, problem.field) == (document, field)]
    assert found, [str(problem) for problem in problems]
    assert any(message in problem.message for problem in found), [problem.message for problem in found]
    assert all(problem.line is not None for problem in problems)


def test_a_phase_that_fits_has_no_problem() -> None:
    agreed = (
        'quantities = { team-fee-usd = "2.5" }\nprices = { team-fee-usd = "team-fee-acme" }\npaused = true\n'
    )
    euro = EURO.replace("team-fee-eur", "team-fee-acme").replace('"EUR"', '"USD"')
    assert problems_of(with_changes((B, PHASE, PHASE + agreed), (P, "", euro))) == []


@pytest.mark.parametrize(
    ("successor", "following", "message"),
    [
        ("edge", "", "no phase follows at 2026-12-31T15:00:00Z"),
        ("edge", NEXT.replace("2027-01-01", "2027-01-02"), "no phase follows at 2026-12-31T15:00:00Z"),
        ("team", NEXT, "names 'team', but the phase from 2026-12-31T15:00:00Z is on 'edge'"),
    ],
)
def test_prices_of_the_past_end_in_a_named_successor(successor: str, following: str, message: str) -> None:
    kept = f'{OPEN_EDGE}\n{KEPT}successor = "{successor}"\n{following}'
    expect(with_changes((B, OPEN_EDGE, kept)), EDGE, "phase[0].successor", message)


def test_prices_of_the_past_that_were_not_there_are_named() -> None:
    early = KEPT.replace("2026-01-15", "2025-12-15")
    kept = f'{OPEN_EDGE}\n{early}successor = "edge"\n{NEXT}'
    expect(
        with_changes((B, OPEN_EDGE, kept)), EDGE, "phase[0].prices_as_of", "was not in force at 2025-12-15"
    )
    kept = f'{OPEN_EDGE}\n{KEPT}successor = "edge"\n{NEXT}'
    assert problems_of(with_changes((B, OPEN_EDGE, kept))) == []


def test_what_was_agreed_is_not_rewritten_but_what_follows_may_change() -> None:
    """Both versions say Starter until 14 February; the second may not turn that time into a trial."""
    first = 'plan = "starter"\nfrom = 2026-01-01T00:00:00-05:00\nuntil'
    expect(
        with_changes((B, first, first.replace("\nuntil", "\ntrial = true\nuntil"))),
        V2,
        "phase",
        "differs from v1 before its own effective_from",
    )


CONTINUE, PRORATE = 'tier_split = "continue"', 'tier_split = "prorate"'
FIRST, SECOND = "price context-tokens-usd v1", "price context-tokens-usd v2"
GRADUATED = 'shape = "graduated"\nper = "1000000"'
V2_TIERS = 'effective_from = 2026-03-01T00:00:00Z\nmeter = "context-tokens"'

SPLITS = [
    # (file changes, document, part of the message)
    ([(P, 'shape = "flat"', f'shape = "flat"\n{CONTINUE}')], "price team-fee-usd v1", "without tiers"),
    ([(P, 'unit_amount = "9"', f'unit_amount = "9"\n{PRORATE}')], "price seats-usd v1", "without tiers"),
    ([(P, GRADUATED, f'{GRADUATED}\nrate_by = "event"\n{CONTINUE}')], FIRST, "nothing per event"),
    ([(P, GRADUATED, f'{GRADUATED}\ngroup_by = ["model"]\n{CONTINUE}')], FIRST, "not for group_by"),
    ([(P, GRADUATED, f'{GRADUATED}\nallowance = "5"\n{CONTINUE}')], FIRST, "with an allowance"),
    ([(P, GRADUATED, f'shape = "volume"\nper = "1000000"\n{CONTINUE}')], FIRST, "not for volume"),
    (
        [(P, GRADUATED, f"{GRADUATED}\n{CONTINUE}"), (M, 'aggregation = "sum"', 'aggregation = "max"')],
        FIRST,
        "the max of the parts of a period does not add up",
    ),
    (
        [(P, GRADUATED, f"{GRADUATED}\n{PRORATE}"), (M, 'aggregation = "sum"', 'aggregation = "unique"')],
        FIRST,
        "prorate means nothing for meter context-tokens v1",
    ),
    (
        [(P, V2_TIERS, f"{V2_TIERS.replace('context-', 'generated-')}\n{CONTINUE}")],
        SECOND,
        "goes on from v1, which is for meter context-tokens",
    ),
    (
        [(P, GRADUATED, GRADUATED.replace("graduated", "volume")), (P, V2_TIERS, f"{V2_TIERS}\n{CONTINUE}")],
        SECOND,
        "whose shape is Volume, not Graduated",
    ),
]


@pytest.mark.parametrize(("changes", "document", "message"), SPLITS, ids=lambda each: str(each)[-40:])
def test_a_split_of_tiers_without_a_meaning_is_refused(
    changes: list[tuple[str, str, str]], document: str, message: str
) -> None:
    expect(with_changes(*changes), document, "tier_split", message)


def test_units_that_are_others_are_not_continued() -> None:
    second = """
[[meter]]
key = "context-tokens"
version = 2
effective_from = 2026-02-01T00:00:00Z
definition = "Thousands of tokens."
owner = "Ines Duarte, Product"
event = "llm.completion"
aggregation = "sum"
field = "context_tokens"
unit = "thousand tokens"
dimensions = ["model", "feature"]
"""
    files = with_changes((P, GRADUATED, f"{GRADUATED}\n{CONTINUE}"), (M, "", second))
    expect(files, FIRST, "tier_split", "would add token of meter context-tokens v1 to thousand tokens of v2")
    together = second.replace("2026-02-01", "2026-03-01")
    files = with_changes((P, V2_TIERS, f"{V2_TIERS}\n{CONTINUE}"), (M, "", together))
    expect(files, SECOND, "tier_split", "would add token of meter context-tokens v1 to thousand tokens of v2")


def test_tiers_that_continue_or_shrink_are_no_problem() -> None:
    both = with_changes((P, GRADUATED, f"{GRADUATED}\n{CONTINUE}"), (P, V2_TIERS, f"{V2_TIERS}\n{PRORATE}"))
    assert problems_of(both) == []


SEATS, ENDING = 'unit_amount = "9"', '[[price.discount]]\nname = "launch"\npercent = "20"'


@pytest.mark.parametrize("aggregation", ["last", "max", "min", "unique", "average"])
def test_a_discount_does_not_end_inside_what_does_not_add_up(aggregation: str) -> None:
    """9 seats until the 15th and 9 after it would be billed as 18."""
    changes = (M, 'aggregation = "last"', f'aggregation = "{aggregation}"')
    until = f"{SEATS}\n{ENDING}\nuntil = 2026-02-15T00:00:00Z"
    message = f"of meter seats v1 the {aggregation} of each part would be billed"
    expect(with_changes(changes, (P, SEATS, until)), "price seats-usd v1", "discount[0].until", message)


@pytest.mark.parametrize("aggregation", ["sum", "time_weighted"])
def test_a_discount_may_end_inside_what_adds_up(aggregation: str) -> None:
    changes = (M, 'aggregation = "last"', f'aggregation = "{aggregation}"')
    assert problems_of(with_changes(changes, (P, SEATS, f"{SEATS}\n{ENDING}"))) == []
    until = f"{SEATS}\n{ENDING}\nuntil = 2026-02-15T00:00:00Z"
    assert problems_of(with_changes(changes, (P, SEATS, until))) == []
