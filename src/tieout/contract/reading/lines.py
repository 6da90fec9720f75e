"""On which line each document and each of its members stands in a TOML text, for messages only.

tomllib does not keep positions. This scan recognises headers and `name =` at the start of a line, outside
multi-line strings; what it does not recognise has no line, never a wrong document.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

HEADER_PATTERN = re.compile(r"\s*(\[\[?)\s*([^\[\]#]+?)\s*\]\]?\s*(?:#.*)?\Z")
MEMBER_PATTERN = re.compile(r"\s*([A-Za-z0-9_.-]+)\s*=")
STRING_PATTERN = re.compile(r'"""|\'\'\'|"(?:[^"\\]|\\.)*"|\'[^\']*\'|#')

Lines = Mapping[str, int]
"""Member name within the document ("" for its header, "tiers", "phase[1].from") to line, counted from 1."""


def document_lines(text: str) -> dict[str, list[Lines]]:
    """For each kind, the lines of its [[kind]] documents in the order in which they stand."""
    found: dict[str, list[dict[str, int]]] = {}
    current: dict[str, int] | None = None
    listed_before: Counter[str] = Counter()
    prefix = ""
    for number, line in _lines_outside_strings(text):
        header = HEADER_PATTERN.match(line)
        if header is not None:
            path = [part.strip().strip("\"'") for part in header.group(2).split(".")]
            listed = header.group(1) == "[["
            if len(path) == 1:
                current, prefix = ({"": number} if listed else None), ""
                listed_before.clear()
                if current is not None:
                    found.setdefault(path[0], []).append(current)
            elif current is not None:
                prefix = _inner_prefix(listed_before, path[1:], listed=listed)
                current[prefix.rstrip(".")] = number
        elif current is not None and (member := MEMBER_PATTERN.match(line)):
            current.setdefault(prefix + member.group(1), number)
    return {kind: list(documents) for kind, documents in found.items()}


def line_of(lines: Lines, name: str) -> int | None:
    """The line of that member, else of the innermost member around it, else of the document."""
    while name not in lines and name:
        name = name[: max(name.rfind("."), name.rfind("["), 0)]
    return lines.get(name)


def _inner_prefix(listed_before: Counter[str], path: list[str], *, listed: bool) -> str:
    """`fields.tokens.` for [kind.fields.tokens]; `phase[1].` for the second [[kind.phase]]."""
    name = ".".join(path)
    if not listed:
        return f"{name}."
    ordinal = listed_before[name]
    listed_before[name] += 1
    return f"{name}[{ordinal}]."


def _lines_outside_strings(text: str) -> list[tuple[int, str]]:
    """(number, line) of each line that does not begin inside a multi-line string."""
    found: list[tuple[int, str]] = []
    closing: str | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        if closing is None:
            found.append((number, line.rstrip("\r")))
        closing = _open_string_after(line, closing)
    return found


def _open_string_after(line: str, closing: str | None) -> str | None:
    """The quotes that must still come when the line ends, given those that had to come when it began."""
    place = 0
    while True:
        if closing is not None:
            end = line.find(closing, place)
            if end < 0:
                return closing
            place, closing = end + len(closing), None
        opening = STRING_PATTERN.search(line, place)
        if opening is None or opening.group() == "#":
            return None
        place = opening.end()
        if opening.group() in ('"""', "'''"):
            closing = opening.group()
