"""`tieout doctor`: is this data folder, and what it runs on, fit for billing?"""

from __future__ import annotations

import typer

from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.screen import print_json, say, table


def doctor(home: HomeOption, as_json: JsonOption = False) -> None:
    """Check SQLite, schemas, time zones, positions, disk and policy.

    Exit code 1 when one is not in order.
    """
    from tieout.flows.check_health import doctor as check_health

    with opened(home) as where:
        lines = check_health(where)
    if as_json:
        print_json([{"name": line.name, "ok": line.ok, "detail": line.detail} for line in lines])
    else:
        say(
            table(
                ("", "check", "detail"),
                (["ok" if line.ok else "NO", line.name, line.detail] for line in lines),
            )
        )
    if not all(line.ok for line in lines):
        raise typer.Exit(1)
