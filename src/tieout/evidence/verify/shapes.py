"""The form of each JSON member of a pack: which names an object has, and what each of them holds. A name too
many, one too few and a value of another kind are breaks, so that nothing is said where nobody looks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tieout.evidence.verify.report import Report

Find = Iterator[tuple[str, str, object]]
"""Where in the member, what is expected there, and what was found."""
Shape = Callable[[Any, str], Find]
DIGEST = re.compile("[0-9a-f]{64}")


def check_shape(file: str, value: object, shape: Shape, report: Report) -> bool:
    """Whether it has the form; each place where it has not is in the report."""
    found = list(shape(value, ""))
    for where, expected, what in found:
        report.add(file, f"form of {where or 'the whole'}", expected, what)
    return not found


def of_type(kind: type, words: str) -> Shape:
    def shape(value: Any, where: str) -> Find:
        if type(value) is not kind:
            yield where, words, value

    return shape


TEXT, WHOLE, BOOL = of_type(str, "a text"), of_type(int, "a whole number"), of_type(bool, "true or false")


def anything(_value: Any, _where: str) -> Find:
    """What another check holds against something, as a whole."""
    yield from ()


def digest(value: Any, where: str) -> Find:
    if type(value) is not str or not DIGEST.fullmatch(value):
        yield where, "a SHA-256", value


def one_of(*texts: str) -> Shape:
    def shape(value: Any, where: str) -> Find:
        if value not in texts or type(value) is not str:
            yield where, " or ".join(texts), value

    return shape


def maybe(inner: Shape) -> Shape:
    return lambda value, where: iter(()) if value is None else inner(value, where)


def list_of(inner: Shape) -> Shape:
    def shape(value: Any, where: str) -> Find:
        if not isinstance(value, list):
            yield where, "a list", value
            return
        for place, each in enumerate(value, 1):
            yield from inner(each, f"{where}/{place}")

    return shape


def named_by_anything(inner: Shape) -> Shape:
    """An object whose names are not fixed."""

    def shape(value: Any, where: str) -> Find:
        if not isinstance(value, dict):
            yield where, "an object", value
            return
        for name in sorted(value):
            yield from inner(value[name], f"{where}/{name}")

    return shape


def members(**named: Shape) -> Shape:
    """An object with just these names; one that begins with `or_` may be missing."""
    known = {name.removeprefix("or_"): inner for name, inner in named.items()}
    needed = {name for name in named if not name.startswith("or_")}

    def shape(value: Any, where: str) -> Find:
        if not isinstance(value, dict):
            yield where, "an object", value
            return
        for name in sorted(needed - set(value)):
            yield f"{where}/{name}", "there", "missing"
        for name in sorted(set(value) - set(known)):
            yield f"{where}/{name}", "nothing of this name", value[name]
        for name in sorted(set(value) & set(known)):
            yield from known[name](value[name], f"{where}/{name}")

    return shape


def by_word(name: str, shapes: Mapping[str, Shape]) -> Shape:
    """An object whose form follows from the text that it has under `name`."""

    def shape(value: Any, where: str) -> Find:
        word = value.get(name) if isinstance(value, dict) else None
        if not isinstance(word, str) or word not in shapes:
            yield f"{where}/{name}", " or ".join(shapes), word
            return
        yield from shapes[word](value, where)

    return shape
