"""A subscription may change between plans of two cadences; a fee in advance that both ask for may not."""

from __future__ import annotations

from tests.unit.contract.sample import problems_of, with_changes

YEARLY_TEAM = ("plans.toml", 'name = "Team"', 'name = "Team"\ncadence = "yearly"')
FEE_IN_BOTH = (
    "plans.toml",
    'prices = ["context-tokens-usd", "generated-tokens-usd"]',
    'prices = ["team-fee-usd", "context-tokens-usd", "generated-tokens-usd"]',
)
IN_ADVANCE = ("prices.toml", 'amount = "49.00"', 'amount = "49.00"\ntiming = "advance"')


def test_a_change_of_cadence_is_allowed() -> None:
    assert problems_of(with_changes(YEARLY_TEAM)) == []
    assert problems_of(with_changes(YEARLY_TEAM, FEE_IN_BOTH)) == []
    assert problems_of(with_changes(FEE_IN_BOTH, IN_ADVANCE)) == []


def test_one_fee_in_advance_is_not_for_periods_of_two_cadences() -> None:
    (problem,) = problems_of(with_changes(YEARLY_TEAM, FEE_IN_BOTH, IN_ADVANCE))
    assert (problem.path, problem.key, problem.field) == (
        "subscriptions.toml",
        "subscription acme-main v2",
        "phase[1].plan",
    )
    assert problem.message == (
        "price team-fee-usd is a fee in advance, and for periods of two cadences: starter v1 (that of the "
        "policy) and team v1 (yearly); give each plan a fee of its own"
    )
