"""What alerts, charge controls, budgets and features may say, and every problem at once, with its member."""

from __future__ import annotations

import pytest

from tests.unit.contract.sample import documents_of, texts
from tieout.contract.alert import Alert
from tieout.contract.budget import Budget
from tieout.contract.catalog import Catalog
from tieout.contract.charge_control import ChargeControl, ControlAction, HoldEnds
from tieout.contract.check import check
from tieout.contract.document import parse_documents
from tieout.contract.feature import Feature, LimitKind
from tieout.contract.notice_target import Severity
from tieout.contract.problem import Problem
from tieout.contract.watching import Figure, Growth, GrowthWindow, PercentOf, Rearm, Watch, Whom
from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import Exact

HEAD = 'version = 1\neffective_from = 2026-01-01T00:00:00Z\nname = "Near it"\n'
ALERT = f"""
[[alert]]
key = "tokens-near"
{HEAD}plans = ["team"]
watch = "usage"
meter = "generated-tokens"
percent_of = "allowance"
at = ["80", "100"]
rearm = "below"
rearm_below = "75"
severity = "critical"
"""
CONTROL = f"""
[[charge_control]]
key = "stop-at-500"
{HEAD}everyone = true
watch = "exposure"
at = ["500.00"]
currency = "USD"
action = "hold"
features = ["chat"]
ends = "person"
"""
BUDGET = """
[[budget]]
key = "acme-month"
version = 1
effective_from = 2026-01-01T00:00:00Z
customer = "acme"
currency = "USD"
amount = "250.00"
"""


CONTROL_OF_A_PLAN = CONTROL.replace("everyone = true", 'plans = ["chatty"]')
TARGETS = str([f"t{number}" for number in range(21)]).replace("'", '"')
ENDING = f"""
[[alert]]
key = "ending"
{HEAD}everyone = true
watch = "contract_end"
at = ["7", "30"]
rearm = "below"
"""
CHATTY = f"""
[[plan]]
key = "chatty"
{HEAD}currency = "USD"
prices = ["generated-tokens-usd"]
feature = [ {{ key = "chat" }} ]
"""


def checked(text: str) -> tuple[Catalog | None, list[Problem]]:
    documents, problems = parse_documents("triggers.toml", text)
    documents += parse_documents("chatty.toml", CHATTY)[0]
    base, _ = documents_of({name: found for name, found in texts().items() if name != "triggers.toml"})
    catalog, found = check([*base, *documents])
    return catalog, [*problems, *found]


def problems_of(text: str) -> list[str]:
    return [f"{problem.field}: {problem.message}" for problem in checked(text)[1]]


def test_every_member_is_read() -> None:
    catalog, problems = checked(ALERT + CONTROL + BUDGET)
    assert catalog is not None, problems
    (alert,), (control,), (budget,) = catalog.alerts, catalog.charge_controls, catalog.budgets
    assert isinstance(alert, Alert)
    assert isinstance(control, ChargeControl)
    assert isinstance(budget, Budget)
    assert alert.whom == Whom(plans=("team",))  # type: ignore[arg-type]
    assert alert.watch == Watch(
        Figure.USAGE,
        "generated-tokens",  # type: ignore[arg-type]
        PercentOf.ALLOWANCE,
        (Exact(80), Exact(100)),
        None,
        None,
        Rearm.BELOW,
        Exact(75),
    )
    assert alert.severity is Severity.CRITICAL
    assert (control.action, control.features, control.ends) == (
        ControlAction.HOLD,
        ("chat",),
        HoldEnds.PERSON,
    )
    assert (control.watch.at, control.watch.currency) == ((Exact(500),), "USD")
    assert (budget.customer, budget.amount) == ("acme", Exact(250))


def test_one_mistake_is_one_problem() -> None:
    assert [each.split(":")[0] for each in problems_of(ALERT.replace('["80", "100"]', "[80, true]"))] == [
        "at[0]",
        "at[1]",
    ]
    assert problems_of(ENDING) == problems_of(CONTROL_OF_A_PLAN) == []


def test_growth_says_what_it_compares() -> None:
    compared = '{ window = "day", windows = 7, least = "1000" }'
    growth = f'watch = "growth"\nmeter = "generated-tokens"\nat = ["300"]\ngrowth = {compared}\n'
    catalog, problems = checked(f'[[alert]]\nkey = "surge"\n{HEAD}everyone = true\n{growth}')
    assert catalog is not None, problems
    (alert,) = catalog.alerts
    assert alert.watch.growth == Growth(GrowthWindow.DAY, 7, Exact(1000))


@pytest.mark.parametrize(
    ("text", "old", "new", "said"),
    [
        (ALERT, 'plans = ["team"]', "", ": is for nobody"),
        (ALERT, 'plans = ["team"]', 'plans = ["team"]\neveryone = true', "everyone: means all customers"),
        (
            ALERT,
            'plans = ["team"]',
            'plans = ["teem"]',
            "plans[0]: there is no plan 'teem'; did you mean",
        ),
        (ALERT, 'plans = ["team"]', 'customers = ["nobody"]', "customers[0]: there is no customer 'nobody'"),
        (ALERT, 'meter = "generated-tokens"', 'meter = "outputs"', "meter: there is no meter 'outputs'"),
        (ALERT, 'meter = "generated-tokens"\n', "", "meter: is missing"),
        (ALERT, '"allowance"', '"budget"', "percent_of: budget is no measure of usage: allowance"),
        (ALERT, '["80", "100"]', '["100", "80"]', "at[1]: is not above 100: thresholds rise"),
        (ALERT, '["80", "100"]', '["0"]', "at[0]: must be above zero"),
        (ALERT, '["80", "100"]', "[]", "at: "),
        (ALERT, '["80", "100"]', '["1e5"]', "at[0]: "),
        (ALERT, '"75"', '"90"', "rearm_below: is above the lowest threshold, 80"),
        (ALERT, 'rearm = "below"\n', "", "rearm_below: means nothing"),
        (ALERT, 'severity = "critical"', 'action = "hold"', "action: "),
        (ALERT, 'severity = "critical"', 'targets = ["no"]', "targets[0]: there is no notice_target 'no'"),
        (ALERT, "", CONTROL.replace("stop-at-500", "tokens-near"), "key: there is an alert tokens-near"),
        (ALERT, '["80", "100"]', "[80]", "at[0]: must be text"),
        (ALERT, 'severity = "critical"', f"targets = {TARGETS}", "targets: names 21 targets; at most 20"),
        (ENDING, '"below"', '"below"\nrearm_below = "3"', "rearm_below: means nothing to contract_end"),
        (CONTROL, '"chat"', '"chatt"', "features[0]: no plan has the feature 'chatt'; did you mean 'chat'?"),
        (CONTROL_OF_A_PLAN, '"USD"', '"EUR"', "currency: plan chatty asks in USD, the rule is in EUR"),
        (CONTROL, '["500.00"]', '["500.00", "600.00"]', "at: a control has one threshold"),
        (CONTROL, 'currency = "USD"\n', "", "currency: is missing"),
        (CONTROL, '"exposure"', '"growth"', "watch: "),
        (CONTROL, 'action = "hold"', 'action = "interim"', "features: means nothing to action interim"),
        (CONTROL, 'action = "hold"', 'action = "invoice"', "action: "),
        (CONTROL, '"person"', '"below"', 'ends: is "below", so the control must rearm = "below" too'),
        (CONTROL, 'ends = "person"\n', 'ends = "person"\ntargets = ["ops"]\n', "targets: "),
        (BUDGET, '"acme"', '"acne"', "customer: there is no customer 'acne'; did you mean 'acme'?"),
        (BUDGET, '"USD"', '"EUR"', "currency: customer acme pays in USD"),
        (BUDGET, '"250.00"', '"250.001"', "amount: "),
        (BUDGET, '"250.00"', '"0"', "amount: must be above zero"),
        (BUDGET, "", BUDGET.replace("acme-month", "other"), "customer: customer acme has budget"),
    ],
)
def test_a_mistake_is_named(text: str, old: str, new: str, said: str) -> None:
    wrong = text.replace(old, new, 1) if old else text + new
    assert any(said in found for found in problems_of(wrong)), problems_of(wrong)


def test_features_of_a_plan() -> None:
    feature = """
[[plan.feature]]
key = "chat"
meter = "generated-tokens"
limit = "1000000"
kind = "soft"

[[plan.feature]]
key = "sso"
enabled = false
"""
    plan = f"""[[plan]]
key = "limited"
{HEAD}currency = "USD"
prices = ["generated-tokens-usd"]
{feature}"""
    catalog, problems = checked(plan)
    assert catalog is not None, problems
    found = catalog.plans.versions("limited")[0]
    limit = Quantity.parse("1000000")
    assert found.features == (
        Feature("chat", meter="generated-tokens", limit=limit, kind=LimitKind.SOFT),  # type: ignore[arg-type]
        Feature("sso", enabled=False),
    )
    for old, new, said in (
        ('key = "sso"', 'key = "chat"', "feature[1].key: 'chat' is listed twice"),
        ('meter = "generated-tokens"\n', "", "feature[0].limit: is of nothing"),
        ('"generated-tokens"\nlimit', '"none"\nlimit', "feature[0].meter: there is no meter 'none'"),
        ('kind = "soft"\n', "", "feature[0].kind: is missing"),
        ('limit = "1000000"\n', "", "feature[0].kind: means nothing without a limit"),
        ('"1000000"', '"-1"', "feature[0].limit: is negative"),
    ):
        assert any(said in each for each in problems_of(plan.replace(old, new, 1))), (
            said,
            problems_of(plan.replace(old, new, 1)),
        )
