"""`tieout init`: a new, empty data folder with its own identity key."""

from __future__ import annotations

from tieout.cli.options import HomeOption, JsonOption
from tieout.cli.screen import note, print_json, say


def init(home: HomeOption, as_json: JsonOption = False) -> None:
    """Create a data folder."""
    from tieout.wiring import create_home

    with create_home(home) as made:
        if as_json:
            print_json({"home": str(home), "home_id": made.home_id})
        else:
            say(f"{home}: home {made.home_id}")
            note("Next: tieout catalog apply FOLDER, then tieout policy propose FILE.")
