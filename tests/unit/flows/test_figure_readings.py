"""Each figure that rules may watch, against what it may be measured by; worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interims import CATALOG, close_at, interim_home, send
from tieout.cli.demo.stage import Stage
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.look_at_rules import look_to_head, readings_now
from tieout.kernel.instant import parse_instant
from tieout.kernel.period import Period
from tieout.kernel.rational import Exact

RULE = """
[[alert]]
key = "{key}"
version = 1
effective_from = 2026-01-01T00:00:00Z
name = "{key}"
everyone = true
{watch}
"""
BUDGET = """
[[budget]]
key = "month"
version = 1
effective_from = 2026-01-01T00:00:00Z
customer = "harbor"
currency = "USD"
amount = "240.00"
"""
WATCHES = {
    "usage": 'watch = "usage"\nmeter = "egress"\nat = ["1"]',
    "allowance": 'watch = "usage"\nmeter = "egress"\npercent_of = "allowance"\nat = ["1"]',
    "exposure": 'watch = "exposure"\ncurrency = "USD"\nat = ["1.00"]',
    "euros": 'watch = "exposure"\ncurrency = "EUR"\nat = ["1.00"]',
    "projected": 'watch = "projected"\ncurrency = "USD"\nat = ["1.00"]',
    "budget": 'watch = "exposure"\npercent_of = "budget"\nat = ["1"]',
    "commitment": 'watch = "exposure"\npercent_of = "commitment"\nat = ["25"]',
    "growth": 'watch = "growth"\nmeter = "egress"\nat = ["1"]\n'
    'growth = { window = "day", windows = 7, least = "100" }',
    "contract": 'watch = "contract_end"\nat = ["1"]',
}


def watched(folder: Path, *keys: str, more: str = "", catalog: str = CATALOG) -> Stage:
    """400 GB until the 10th, of which 300 on the 5th and 100 on the 6th: 120.00."""
    stage = interim_home(folder, catalog=catalog)
    rules = "".join(RULE.format(key=key, watch=WATCHES[key]) for key in keys)
    (folder / "catalog" / "rules.toml").write_text(rules + more)
    apply_catalog(stage.home, folder / "catalog")
    rows = ("a", "2026-01-05T00:00:00Z", "300", "eu"), ("b", "2026-01-06T00:00:00Z", "100", "us")
    send(stage, "2026-01-10T00:00:00Z", *rows)
    stage.clock.set_to(parse_instant("2026-01-11T00:00:00Z"))
    return stage


def read(stage: Stage) -> dict[str, tuple[Exact, Exact | None, str]]:
    readings, unread = readings_now(stage.home)
    assert unread == []
    return {rule.id.key: (each.value, each.whole, each.unit) for rule, _, each in readings}


def test_money_now_and_projected_and_what_has_no_measure_is_not_read(tmp_path: Path) -> None:
    """Nobody gave a budget or an allowance, nobody pays in euros; 10 of 31 days: 120.00 x 3.1 = 372.00."""
    stage = watched(tmp_path, "usage", "exposure", "euros", "projected", "budget", "allowance", "contract")
    assert read(stage) == {
        "usage": (Exact(400), None, "GB"),
        "exposure": (Exact(120), None, "USD"),
        "projected": (Exact(372), None, "USD"),
    }


def test_an_interim_invoice_sets_exposure_back_and_the_budget_still_counts_it(tmp_path: Path) -> None:
    stage = watched(tmp_path, "exposure", "budget", more=BUDGET)
    assert read(stage) == {"exposure": (Exact(120), None, "USD"), "budget": (Exact(120), Exact(240), "USD")}
    close_at(stage, "2026-01-11T00:00:00Z")
    assert read(stage) == {"exposure": (Exact(0), None, "USD"), "budget": (Exact(120), Exact(240), "USD")}


def test_usage_against_what_a_price_gives_free_of_charge(tmp_path: Path) -> None:
    free = CATALOG.replace('per = "1"\ngroup_by = ["region"]', 'per = "1"\nallowance = "1000"')
    assert free != CATALOG
    assert read(watched(tmp_path, "allowance", catalog=free)) == {
        "allowance": (Exact(400), Exact(1000), "GB")
    }


def test_a_commitment_is_drawn_over_its_term_and_not_month_by_month(tmp_path: Path) -> None:
    """480.00 for January and February: 120.00 of it is 25 percent, crossed once. January closed and 200 GB,
    60.00, in February: 180.00, 37.5 percent of the same term."""
    promised = CATALOG.replace(
        "\n[[subject]]",
        '\n[[subscription.commitment]]\nkey = "prepaid"\nkind = "minimum"\namount = "480.00"\n'
        "from = 2026-01-01T00:00:00Z\nuntil = 2026-03-01T00:00:00Z\n"
        'billing = "upfront"\n\n[[subject]]',
    )
    stage = watched(tmp_path, "commitment", catalog=promised)
    assert read(stage) == {"commitment": (Exact(120), Exact(480), "USD")}
    look_to_head(stage.home)
    close_at(stage, "2026-02-02T12:00:00Z")
    send(stage, "2026-02-10T00:00:00Z", ("c", "2026-02-05T00:00:00Z", "200", "eu"))
    stage.clock.set_to(parse_instant("2026-02-11T00:00:00Z"))
    assert read(stage) == {"commitment": (Exact(180), Exact(480), "USD")}
    look_to_head(stage.home)
    (change,) = [each.change for each in stage.home.books.triggers.changes_of(None)]
    assert (change.reading.measured, change.ordinal) == (Exact(25), 1)
    term = Period(parse_instant("2026-01-01T00:00:00Z"), parse_instant("2026-03-01T00:00:00Z"))
    assert change.scope.period == term


@pytest.mark.parametrize(
    ("enabled", "price_gives", "whole"),
    [("true", "", 2_000), ("false", "", None), ("true", 'allowance = "1000"', 1_000)],
)
def test_the_limit_of_a_feature_is_what_usage_is_measured_by_where_no_price_gives_any(
    tmp_path: Path, enabled: str, price_gives: str, whole: int | None
) -> None:
    """400 GB of a limit of 2,000 are 20 percent; a feature that is off has none; free units come first."""
    limited = CATALOG.replace('group_by = ["region"]', price_gives).replace(
        'prices = ["egress-usd"]\n',
        'prices = ["egress-usd"]\n[[plan.feature]]\nkey = "data"\nmeter = "egress"\nlimit = "2000"\n'
        'kind = "soft"\n'
        f"enabled = {enabled}\n",
    )
    assert read(watched(tmp_path, "allowance", catalog=limited)) == (
        {} if whole is None else {"allowance": (Exact(400), Exact(whole), "GB")}
    )


def test_growth_is_against_the_mean_of_the_days_before(tmp_path: Path) -> None:
    """From the 4th to the 10th 400 GB in 7 days; 200 GB on the 11th are 350 percent of the mean."""
    stage = watched(tmp_path, "growth")
    assert read(stage) == {"growth": (Exact(0), Exact(400, 7), "GB")}
    send(stage, "2026-01-11T06:00:00Z", ("c", "2026-01-11T05:00:00Z", "200", "eu"))
    ((_, _, reading),) = readings_now(stage.home)[0]
    assert reading.measured == Exact(350)
    stage.clock.set_to(parse_instant("2026-01-13T12:00:00Z"))
    assert read(stage)["growth"] == (Exact(0), Exact(300, 7), "GB"), "the 6th to the 12th: 100 and 200"
    stage.clock.set_to(parse_instant("2026-01-25T12:00:00Z"))
    assert read(stage) == {}, "from nothing there is no growth"


def test_the_days_of_a_contract_run_down_once_and_not_month_by_month(tmp_path: Path) -> None:
    ending = CATALOG.replace(
        "from = 2026-01-01T00:00:00Z\n\n[[subject]]",
        "from = 2026-01-01T00:00:00Z\nuntil = 2026-02-10T00:00:00Z\n\n[[subject]]",
    )
    assert ending != CATALOG
    stage = watched(tmp_path, "contract", catalog=ending)
    assert read(stage) == {"contract": (Exact(30), None, "day")}
    look_to_head(stage.home)
    for at in ("2026-02-09T12:00:00Z", "2026-02-09T13:00:00Z"):
        stage.clock.set_to(parse_instant(at))
        look_to_head(stage.home)
    (change,) = stage.home.books.triggers.changes_of(None)
    assert change.change.reading.value == Exact(1, 2)


def test_a_new_version_starts_with_a_fresh_state(tmp_path: Path) -> None:
    stage = watched(tmp_path, "usage")
    look_to_head(stage.home)
    look_to_head(stage.home)
    second = RULE.format(key="usage", watch=WATCHES["usage"]).replace("version = 1", "version = 2")
    second = second.replace("effective_from = 2026-01-01T00", "effective_from = 2026-01-11T00")
    (stage.folder.parent / "catalog" / "second.toml").write_text(second)
    apply_catalog(stage.home, stage.folder.parent / "catalog")
    look_to_head(stage.home)
    found = [
        (each.change.rule.version, each.change.ordinal) for each in stage.home.books.triggers.changes_of(None)
    ]
    assert found == [(1, 1), (2, 1)]


@pytest.mark.parametrize("used", ["0", "450"])
def test_a_hold_that_ends_below_ends_with_the_period_too(tmp_path: Path, used: str) -> None:
    """Held in January; February begins at nothing."""
    hold = RULE.replace("[[alert]]", "[[charge_control]]").format(
        key="stop", watch='watch = "usage"\nmeter = "egress"\nat = ["400"]\nrearm = "below"'
    )
    stage = watched(tmp_path, more=hold + 'action = "hold"\nends = "below"\n')
    look_to_head(stage.home)
    assert len(stage.home.books.triggers.holds()) == 1
    send(stage, "2026-02-02T00:00:00Z", ("c", "2026-02-01T05:00:00Z", used, "eu"))
    look_to_head(stage.home)
    standing = [each for each in stage.home.books.triggers.holds() if each.stands_at(stage.home.clock.now())]
    assert len(standing) == (2 if used == "450" else 0), "who uses as much again stays held"


def test_two_prices_of_one_meter_that_split_the_period_differently_count_usage_once(tmp_path: Path) -> None:
    """A second price of the meter has a new version on the 6th; 400 GB stay 400 GB."""
    second = "\n".join(
        f"""[[price]]
key = "handling-usd"
version = {version}
effective_from = {since}T00:00:00Z
meter = "egress"
currency = "USD"
description = "Handling"
shape = "per_unit"
unit_amount = "{amount}"
"""
        for version, since, amount in ((1, "2025-01-01", "0.01"), (2, "2026-01-06", "0.02"))
    )
    catalog = CATALOG.replace('prices = ["egress-usd"]', 'prices = ["egress-usd", "handling-usd"]') + second
    stage = watched(tmp_path, "usage", catalog=catalog)
    assert read(stage) == {"usage": (Exact(400), None, "GB")}
