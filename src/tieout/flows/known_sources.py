"""A source that is asked for by name is one of which something was received; a slip of the pen is told so."""

from __future__ import annotations

from difflib import get_close_matches

from tieout.flows.home import Home
from tieout.kernel.errors import NotFound, shown


class UnknownSource(NotFound):
    """Nothing was ever received from a source of this name."""

    code = "unknown-source"

    def __init__(self, source: str, known: tuple[str, ...]) -> None:
        meant = get_close_matches(source, known, n=1)
        hint = f"; did you mean {shown(meant[0])}?" if meant else "."
        super().__init__(f"Nothing was received from the source {shown(source)}{hint}")


def check_source(home: Home, source: str) -> None:
    """Raises `UnknownSource`."""
    known = home.pipeline.sources()
    if source not in known:
        raise UnknownSource(source, known)
