"""Which results of replays count for a home: those of its own sets, with the terms that it has now; and what
failed stays failed until the set passes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.replay_sets import DEAR_PLAN, gate_result, ran, small_set
from tests.small_home import NEXT_PRICE, RENAMED, make_home
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.readiness import standing_of
from tieout.flows.readiness_signing import propose_override
from tieout.flows.replay_results import KeptRun, keep_result, latest_results, terms_of
from tieout.kernel.ids import HomeId
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant
from tieout.readiness.item import ItemKey, Open, Passed, evidence_of
from tieout.readiness.refusals import NeverOverridden
from tieout.readiness.standing import Standing
from tieout.replay.terms import Apart
from tieout.store.sqlite import begin_immediate
from tieout.wiring import Home

OTHER = HomeId("home_00000000000000ff")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made, _ = make_home(tmp_path / "home")
    with made:
        yield made


def applied(home: Home, documents: str) -> None:
    file = home.folder / "more.toml"
    file.write_text(documents)
    apply_catalog(home, file)


def standing(home: Home) -> Standing:
    return standing_of(home, ItemKey.REPLAY)


def problems(home: Home) -> list[str]:
    checked = standing(home).checked
    return [each.what for each in checked.problems] if isinstance(checked, Open) else []


def numbers(runs: tuple[KeptRun, ...]) -> list[tuple[int, Apart | None]]:
    return [(each.number, each.apart) for each in runs]


def never_overridden(home: Home) -> None:
    until = Instant(home.clock.now() + HOUR_MICROSECONDS)
    with pytest.raises(NeverOverridden):
        propose_override(home, "replay", person="Dana", reason="x", until=until)


def test_a_run_counts_once_the_home_has_its_terms_and_a_candidate_once_it_is_applied(
    home: Home, tmp_path: Path
) -> None:
    folder = small_set(tmp_path / "set", home=home.home_id)
    base = keep_result(home, ran(folder).result)
    assert base.result.passes_gate and base.apart is Apart.OTHER_TERMS
    assert problems(home) == ["no replay set was run with the terms that this home has now"]
    never_overridden(home)
    applied(home, DEAR_PLAN)
    assert numbers(latest_results(home)) == [(1, None)]
    assert isinstance(standing(home).checked, Passed)
    applied(home, RENAMED)
    assert isinstance(standing(home).checked, Passed), "a customer is no term"
    (tmp_path / "next.toml").write_text(NEXT_PRICE)
    kept = keep_result(home, ran(folder, candidate=tmp_path / "next.toml").result)
    assert kept.result.passes_gate and kept.result.candidate and kept.apart is Apart.OTHER_TERMS
    assert numbers(latest_results(home)) == [(1, None), (2, Apart.OTHER_TERMS)], "the base run still counts"
    signed = standing(home).digest
    applied(home, NEXT_PRICE)
    assert numbers(latest_results(home)) == [(1, Apart.OTHER_TERMS), (2, None)]
    assert isinstance(standing(home).checked, Passed)
    assert "with a candidate catalog" in evidence_of(standing(home).checked)[0].value
    assert standing(home).digest != signed, "whoever signed the base run signs this one"


def test_a_set_of_another_home_or_of_none_does_not_count(home: Home) -> None:
    good = gate_result(home)
    for number, (other, why) in enumerate(((OTHER, Apart.OTHER_HOME), (None, Apart.NO_HOME)), 1):
        kept = keep_result(home, replace(good, home=other))
        assert (kept.number, kept.apart) == (number, why)
    assert problems(home) == ["no replay set of this home was ever run"]
    assert {each.name for each in evidence_of(standing(home).checked)} == {
        "january, of another home: does not count",
        "january, of a set that names no home: does not count",
    }
    keep_result(home, replace(good, differences=1))
    keep_result(home, replace(good, home=OTHER, set_digest="12" * 32))
    assert problems(home) == ["january failed: 1 difference"], "by the same name it replaces nothing"


def test_what_failed_stays_failed_until_the_set_passes_with_the_terms_of_the_home(home: Home) -> None:
    good = gate_result(home)
    failed = replace(good, differences=1)
    keep_result(home, good)
    keep_result(home, failed)
    keep_result(home, replace(good, terms_digest="0" * 64))
    assert keep_result(home, good).number == 1, "what was kept before is not kept again"
    assert problems(home) == ["january failed: 1 difference"]
    never_overridden(home)
    engine = home.books.replay_results.engine  # type: ignore[attr-defined] # the store's own
    for act in (
        "DELETE FROM replay_result WHERE number = 2",
        "UPDATE replay_result SET number = 9 WHERE number = 1",
        "INSERT OR REPLACE INTO replay_result SELECT 2, 'x', document, recorded_at FROM replay_result "
        "WHERE number = 1",
    ):
        with pytest.raises(DBAPIError, match="final"), begin_immediate(engine) as connection:
            connection.execute(text(act))
    assert problems(home) == ["january failed: 1 difference"]
    applied(home, NEXT_PRICE)
    assert problems(home) == ["no replay set was run with the terms that this home has now"]
    never_overridden(home)
    keep_result(home, replace(good, terms_digest=terms_of(home)))
    assert isinstance(standing(home).checked, Passed)
