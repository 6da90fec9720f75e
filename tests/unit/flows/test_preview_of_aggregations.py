"""A preview reaches as far as the event would: to the levels of a later month, to a group of its own."""

from __future__ import annotations

import tomllib
from pathlib import Path

from tests.review import corrected, feed, open_ones
from tests.scenarios.frame import HERE, Playing, play_step
from tests.scenarios.steps_policy import POLICY
from tieout.cli.demo.stage import Stage, set_stage, sign_policy
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.preview_release import Preview, preview_release
from tieout.flows.release_item import Correction
from tieout.kernel.instant import parse_instant


def previewed(tmp_path: Path, story: str, steps: int, item: dict[str, object], **data: object) -> Preview:
    """After the first steps of a scenario a broken item arrives in February; its correction is previewed."""
    told = tomllib.loads((HERE / story / "scenario.toml").read_text())
    stage: Stage = set_stage(tmp_path / "home", now=parse_instant(told["starts_at"]))
    with stage.home:
        sign_policy(stage, POLICY.format(effective_from=told["starts_at"]))
        apply_catalog(stage.home, HERE / story / "catalog")
        for step in told["step"][:steps]:
            play_step(Playing(stage, HERE / story, {}), step)
        stage.clock.set_to(parse_instant("2026-02-10T00:00:00Z"))
        feed(stage.home, [item])
        (found,) = open_ones(stage.home)
        correction = Correction("corrected.json", corrected(item, **data))
        return preview_release(stage.home, str(found.item.position), correction=correction)


def broken(type_: str, subject: str, time: str) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": "broken",
        "source": "app",
        "type": type_,
        "subject": subject,
        "time": time,
        "data": {},
    }


def test_a_late_level_changes_what_the_open_month_opens_with(tmp_path: Path) -> None:
    """500 GB on disk-a since 20 January: late for January; February opens with 500 instead of 250 of them."""
    item = broken("volume", "disk-a", "2026-01-20T00:00:00Z")
    preview = previewed(tmp_path, "storage_gb_hours_time_weighted", 2, item, gigabytes="500")
    assert preview.items[0].late_for != ()
    (effect,) = preview.effects
    (row,) = effect.rows
    assert (str(row.quantity_before), str(row.quantity_after)) == (
        "208320",
        "376320",
    )  # (250 or 500, + 60) x 672


def test_a_group_that_did_not_exist_gets_a_row_of_its_own(tmp_path: Path) -> None:
    item = broken("traffic", "harbor", "2026-02-05T00:00:00Z")
    preview = previewed(tmp_path, "bytes_billed_in_gigabytes", 2, item, bytes=2_000_000_000, region="ap")
    (effect,) = preview.effects
    assert [
        (row.description, str(row.quantity_before), str(row.quantity_after), row.amount_after.decimal_text)
        for row in effect.rows
        if row.changes
    ] == [("Traffic", "0", "2", "2.00"), ("Transport: region ap", "0", "2", "0.20")]
