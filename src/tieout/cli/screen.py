"""Where output goes: data to stdout, messages to stderr. Text from strangers is never markup or control."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

    from tieout.kernel.instant import Instant

WIDTH_WITHOUT_TERMINAL = 140
"""Columns when stdout is a file or a pipe; a terminal says its own width."""

Json = None | bool | int | str | Sequence["Json"] | Mapping[str, "Json"]


class Progress(Protocol):
    """Told how much of a long work is done, in the unit of the work."""

    def __call__(self, done: int, total: int, /) -> None: ...


def console(*, stderr: bool = False) -> Console:
    """A rich console without markup or emoji; colours only on a terminal and never under NO_COLOR."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else WIDTH_WITHOUT_TERMINAL
    return Console(file=stream, markup=False, emoji=False, highlight=False, width=width)


class _Face:
    """What a verb says of the home before all else: that its clock is no real one. Said once to people."""

    test_clock: Instant | None = None
    is_said: bool = True

    @classmethod
    def take(cls) -> str | None:
        """The words, if they are to be said and were not."""
        if cls.test_clock is None or cls.is_said:
            return None
        from tieout.kernel.instant import format_instant

        cls.is_said = True
        now = format_instant(cls.test_clock)
        return f"TEST CLOCK: it is {now} in this scratch home; nothing here is a real bill."


def face(test_clock: Instant | None) -> None:
    """From here on what is printed says where the test clock of the home stands; None: it has none."""
    _Face.test_clock, _Face.is_said = test_clock, test_clock is None


def say(renderable: RenderableType = "") -> None:
    """Data for a person, on stdout."""
    if words := _Face.take():
        console().print(words)
    console().print(renderable)


def note_face() -> None:
    """On stderr, where a verb that ends printed nothing that could say it: an export, a file."""
    if words := _Face.take():
        note(words)


def note(text: str) -> None:
    """A message beside the data, on stderr."""
    print(plain(text), file=sys.stderr)


def complain(text: str) -> None:
    """Why it was refused, on stderr: `tieout: ...`."""
    note(f"tieout: {text}")


def print_json(value: Json) -> None:
    """One JSON document on stdout. Of a home with a test clock, each object of the outer level says so."""
    json.dump(_faced(value), sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")


def _faced(value: Json) -> Json:
    if _Face.test_clock is None:
        return value
    from tieout.kernel.instant import format_instant

    _Face.is_said = True
    said = {"test_clock": format_instant(_Face.test_clock)}
    if isinstance(value, Mapping):
        return {**said, **value}
    if isinstance(value, list | tuple):
        return [{**said, **each} if isinstance(each, Mapping) else each for each in value]
    return value


def plain(text: str) -> str:
    """The text with control characters escaped, so that a stranger's bytes cannot drive the terminal."""
    return "".join(char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text)


def grouped(decimal_text: str) -> str:
    """`-1234567.50` as `-1,234,567.50`. A fraction `n/d` stays as it is."""
    if "/" in decimal_text:
        return decimal_text
    sign, digits = ("-", decimal_text[1:]) if decimal_text.startswith("-") else ("", decimal_text)
    whole, dot, fraction = digits.partition(".")
    return f"{sign}{int(whole):,}{dot}{fraction}"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str | None = None) -> Table:
    """An aligned table; a column name that ends in `>` is right-aligned (numbers)."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        drawn.add_column(name.rstrip(">"), justify="right" if name.endswith(">") else "left", overflow="fold")
    for row in rows:
        assert len(row) == len(columns), "a cell for each column"
        drawn.add_row(*(Text(plain(cell)) for cell in row))
    return drawn


@contextmanager
def progress(what: str) -> Iterator[Progress]:
    """A progress bar on stderr while the block runs, if stderr is a terminal; otherwise silence."""
    if not sys.stderr.isatty():
        yield _silent
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=console(stderr=True), transient=True) as bars:
        task = bars.add_task(plain(what), total=None)

        def advance(done: int, total: int, /) -> None:
            bars.update(task, completed=done, total=total)

        yield advance


def _silent(done: int, total: int, /) -> None:
    """Nobody watches."""
