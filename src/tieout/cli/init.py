"""`tieout init`: a new, empty data folder with its own identity key."""

from __future__ import annotations

from typing import Annotated

import typer

from tieout.cli.options import HomeOption, JsonOption
from tieout.cli.screen import face, note, print_json, say


def init(
    home: HomeOption,
    test_clock: Annotated[
        str | None,
        typer.Option(
            help="A scratch home whose clock stands at this RFC 3339 instant until `tieout clock step`.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Create a data folder."""
    from tieout.kernel.instant import parse_instant
    from tieout.wiring import create_home

    began = None if test_clock is None else parse_instant(test_clock)
    with create_home(home, test_clock=began) as made:
        face(began)
        if as_json:
            print_json({"home": str(home), "home_id": made.home_id})
        else:
            say(f"{home}: home {made.home_id}")
            note("Next: tieout catalog apply FOLDER, then tieout policy propose FILE.")
