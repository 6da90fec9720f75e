"""Options that many verbs share, and how a verb opens its data folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.screen import face

if TYPE_CHECKING:
    from tieout.wiring import Home

HomeOption = Annotated[
    Path, typer.Option("--home", envvar="TIEOUT_HOME", help="The data folder.", show_default=False)
]
ByOption = Annotated[str, typer.Option("--by", help="Who decides.", show_default=False)]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why.", show_default=False)]
CustomerOption = Annotated[
    str, typer.Option("--customer", help="Whose: the customer's key.", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON; decimals are strings.")]


def opened(folder: Path) -> Home:
    """The home in `folder`, as a context manager; what is printed says so if it has a test clock. Raises
    `NotFound` where there is none.
    """
    from tieout.wiring import open_home

    home = open_home(folder)
    face(None if home.test_clock is None else home.clock.now())
    return home
