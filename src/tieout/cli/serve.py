"""`tieout serve`: the HTTP interface of a home, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from tieout.cli.options import HomeOption
from tieout.cli.screen import note

PORT = 8471
WORKERS_MAX = 64


def serve(
    home: HomeOption,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one, and says which.", min=0, max=65535)] = PORT,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Server processes; as many as there are cores if left out.", min=1, max=WORKERS_MAX
        ),
    ] = None,
    closes: Annotated[
        bool,
        typer.Option("--close/--no-close", help="Close periods when the signed policy says they are due."),
    ] = True,
    delivers: Annotated[
        bool, typer.Option("--deliver/--no-deliver", help="Deliver notices to their targets.")
    ] = True,
) -> None:
    """Take in events over HTTP: durable, exactly once, with a receipt for each request.

    Periods are closed as they become due; `--no-close` leaves that to `tieout close`. Notices are delivered;
    `--no-deliver` leaves that to `tieout notice deliver`.
    """
    from tieout.api.supervisor import Supervisor

    count = workers or min(WORKERS_MAX, len(os.sched_getaffinity(0)))
    raise typer.Exit(Supervisor(home, host, port, count, say=note, closes=closes, delivers=delivers).run())
