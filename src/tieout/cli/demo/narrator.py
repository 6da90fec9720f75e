"""How the demo tells its story: numbered chapters on the console, data tables, and one summary at the end."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tieout.cli.screen import WIDTH_WITHOUT_TERMINAL, plain

if TYPE_CHECKING:
    from rich.console import RenderableType


class Narrator:
    """Speaks on stdout, or on stderr where stdout belongs to the JSON summary."""

    def __init__(self, *, stderr: bool) -> None:
        from rich.console import Console

        stream = sys.stderr if stderr else sys.stdout
        width = None if stream.isatty() else WIDTH_WITHOUT_TERMINAL
        self._console = Console(file=stream, markup=False, emoji=False, highlight=False, width=width)
        self._chapter = 0

    def chapter(self, title: str) -> None:
        """A numbered heading."""
        self._chapter += 1
        self._console.print()
        self._console.rule(f"{self._chapter}. {title}", align="left", characters="-")

    def tell(self, text: str) -> None:
        """A sentence."""
        self._console.print(plain(text))

    def show(self, renderable: RenderableType) -> None:
        """A table or a page."""
        self._console.print(renderable)
