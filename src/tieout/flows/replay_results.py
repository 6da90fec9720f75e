"""Results of replays that a home keeps: one small file for each run, for whoever asks what the latest
said."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tieout.flows.home import Home
from tieout.kernel.instant import format_instant
from tieout.replay.result import ReplayResult, parse_result, result_text

RESULTS_FOLDER: Final = "replay-results"


def keep_result(home: Home, result: ReplayResult) -> Path:
    """Writes it beside the others of the home, by name of the set and instant of the run."""
    folder = home.folder / RESULTS_FOLDER / result.set_name
    folder.mkdir(parents=True, exist_ok=True)
    stamp = format_instant(result.ran_at).replace(":", "")
    file = folder / f"{stamp}-{result.outcome_digest[:12]}.json"
    part = file.with_suffix(".part")
    part.write_text(result_text(result), encoding="utf-8")
    part.replace(file)
    return file


def latest_results(home: Home) -> dict[str, ReplayResult]:
    """The latest of each set, by the instant of the run. Raises `MalformedResult` for one that was
    changed."""
    latest: dict[str, ReplayResult] = {}
    for file in sorted((home.folder / RESULTS_FOLDER).glob("*/*.json")):
        result = parse_result(file.read_text(encoding="utf-8"), str(file))
        before = latest.get(result.set_name)
        if before is None or before.ran_at <= result.ran_at:
            latest[result.set_name] = result
    return latest
