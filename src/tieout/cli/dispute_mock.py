"""`tieout dispute mock`: disputes rehearsed, each type from opening to the ledger, in a home of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.options import JsonOption
from tieout.cli.screen import Json, complain, note, print_json, say, table
from tieout.dispute.type import DisputeType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tieout.cli.dispute_rehearsal import Check

DIFFERENCE = 1


def mock(
    type_: Annotated[
        list[DisputeType] | None,
        typer.Option("--type", help="Only this type; may be repeated. Default: all.", show_default=False),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(help="Leave the scratch home in this new folder.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Rehearse disputes in a scratch home made from the demo's customers: open, route, evidence, decide,
    credit, ledger, with each check. No other home is opened. Exit code 1 where any step fails."""
    from tempfile import TemporaryDirectory

    from tieout.cli.dispute_rehearsal import rehearse
    from tieout.cli.refusals import MalformedOption

    if keep is not None and keep.exists():
        raise MalformedOption("--keep", f"{keep} exists; a rehearsal makes a new folder")
    types = list(dict.fromkeys(type_ or DisputeType))
    if keep is not None:
        checks = rehearse(keep, types)
    else:
        with TemporaryDirectory(prefix="tieout-mock-") as folder:
            checks = rehearse(Path(folder) / "home", types)
    failed = [each for each in checks if not each.holds]
    if as_json:
        print_json({"checks": [_json(each) for each in checks], "failed": len(failed)})
    else:
        _say(checks)
        if keep is not None:
            note(f"The scratch home stays in {keep}: tieout dispute list --all --home {keep}")
    if failed:
        complain(f"{len(failed)} of {len(checks)} checks failed.")
        raise typer.Exit(DIFFERENCE)


def _say(checks: Sequence[Check]) -> None:
    columns = ("type", "step", "check", "stands", "found")
    rows = [
        [each.type.value, each.step, each.what, "ok" if each.holds else "FAILED", each.found]
        for each in checks
    ]
    say(table(columns, rows))
    types = len({each.type for each in checks})
    say(f"{types} disputes, {len(checks)} checks, {sum(each.holds for each in checks)} hold.")


def _json(each: Check) -> dict[str, Json]:
    return {
        "type": each.type.value,
        "step": each.step,
        "check": each.what,
        "holds": each.holds,
        "found": each.found,
    }
