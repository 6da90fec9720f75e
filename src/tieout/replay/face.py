"""What a replay set says on its face: `set.toml`, read with all its problems at once.

It names the set and who made it, where each expectation comes from, and the digests of all files, so that an
edited one is noticed.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from tieout.contract.problem import Problem
from tieout.kernel.ids import HomeId
from tieout.replay.inside import inside_problem

FACE_FILE: Final = "set.toml"
SET_FORMAT: Final = "tieout/replay-set/1"
NAME_PATTERN: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")
DECLARED: Final = ("before", "file", "what", "origin", "by", "sha256", "at", "why")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


class Origin(StrEnum):
    """Where an expectation comes from. What is recorded from the product proves nothing about it."""

    SCRIPT = "script"
    PERSON = "person"
    PREVIOUS_SYSTEM = "previous-system"
    RECORDED = "recorded"


class What(StrEnum):
    """What an expectation is about."""

    LINES = "lines"
    TOTALS = "totals"
    COUNTS = "counts"


@dataclass(frozen=True, slots=True)
class Expected:
    """One file of expectations: who stands for it, and its digest when they did."""

    file: str
    what: What
    origin: Origin
    by: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Declared:
    """One statement of what is expected, as it was made; `number` counts a set's from 1. `before`: digest of
    the declaration before, empty of the first; `at`: when, as printed; `why` it replaces another one."""

    number: int
    before: str
    file: str
    what: What
    origin: Origin
    by: str
    sha256: str
    at: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """What `record` found in the home. `left_out`: what happened there and is no call of the set."""

    software: str
    since: str | None = None
    until: str | None = None
    accounts: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Face:
    """`home`: whose identity a scratch home takes, so that what was signed for it counts there; None for any.
    `files`: SHA-256 of each other file of the set but expectations; empty until it is frozen. `declared`:
    every statement of what is expected so far, also those that others took the place of; empty where there
    was never another one."""

    name: str
    made_by: str
    home: HomeId | None = None
    recording: Recording | None = None
    expected: tuple[Expected, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    declared: tuple[Declared, ...] = ()


def parse_face(text: str) -> tuple[Face | None, list[Problem]]:
    """None where there are problems."""
    try:
        read = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        return None, [Problem(FACE_FILE, "", "", f"is not TOML: {error}")]
    reading = _Reading(text)
    if read.pop("format", None) != SET_FORMAT:
        reading.wrong("format", f"is not {SET_FORMAT!r}; another version reads this set")
    name = reading.text(read, "name")
    if name is not None and NAME_PATTERN.match(name) is None:
        reading.wrong("name", "is 1 to 64 small letters, digits, dots, underscores or hyphens")
    made_by = reading.text(read, "made_by")
    home = reading.text(read, "home", needed=False)
    recording = _recording(reading, read.pop("recording", None))
    expected = _expected(reading, read.pop("expected", []))
    declared = _declared(reading, read.pop("declared", []))
    files = _files(reading, read.pop("files", {}))
    for unknown in read:
        reading.wrong(unknown, "is not a member of a set's face")
    if reading.problems or name is None or made_by is None:
        return None, reading.problems
    owner = None if home is None else HomeId(home)
    return Face(name, made_by, owner, recording, expected, files, declared), []


def face_text(face: Face) -> str:
    """What `parse_face` reads back."""
    lines = [
        f"format = {toml_text(SET_FORMAT)}",
        f"name = {toml_text(face.name)}",
        f"made_by = {toml_text(face.made_by)}",
    ]
    if face.home is not None:
        lines.append(f"home = {toml_text(face.home)}")
    if face.recording is not None:
        made = face.recording
        lines += ["", "[recording]", f"software = {toml_text(made.software)}"]
        lines += [f"since = {toml_text(made.since)}"] if made.since else []
        lines += [f"until = {toml_text(made.until)}"] if made.until else []
        lines.append(f"accounts = {_list(made.accounts)}")
        lines.append(f"left_out = {_list(made.left_out)}")
    for each in face.expected:
        lines += ["", "[[expected]]"]
        lines += [
            f"{name} = {toml_text(getattr(each, name))}"
            for name in ("file", "what", "origin", "by", "sha256")
        ]
    for said in face.declared:
        lines += ["", "[[declared]]", f"number = {said.number}"]
        lines += [
            f"{name} = {toml_text(value)}" for name in DECLARED if (value := getattr(said, name)) is not None
        ]
    if face.files:
        lines += ["", "[files]"]
        lines += [f"{toml_text(name)} = {toml_text(face.files[name])}" for name in sorted(face.files)]
    return "\n".join(lines) + "\n"


class _Reading:
    """Collects problems with the line where a member stands."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        self.problems: list[Problem] = []

    def wrong(self, name: str, message: str, *, table: int = 0) -> None:
        """`table`: the ordinal of the [[expected]] that it is about."""
        key = f"expected {table}" if table else ""
        self.problems.append(Problem(FACE_FILE, key, name, message, self._line(name, table)))

    def text(
        self, table: dict[str, object], name: str, *, needed: bool = True, ordinal: int = 0
    ) -> str | None:
        value = table.pop(name, None)
        if value is None and not needed:
            return None
        if not isinstance(value, str) or not value.strip():
            self.wrong(name, "is needed, as a text" if value is None else "is not a text", table=ordinal)
            return None
        return value

    def texts(self, table: dict[str, object], name: str) -> tuple[str, ...]:
        value = table.pop(name, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            self.wrong(name, "is not a list of texts")
            return ()
        return tuple(value)

    def _line(self, name: str, table: int) -> int | None:
        seen = 0
        for number, line in enumerate(self._lines, 1):
            seen += line.strip() == "[[expected]]"
            if seen >= table and re.match(rf'\s*"?{re.escape(name)}"?\s*=', line):
                return number
        return None


def _recording(reading: _Reading, read: object) -> Recording | None:
    if read is None:
        return None
    if not isinstance(read, dict):
        reading.wrong("recording", "is not a table")
        return None
    software = reading.text(read, "software")
    since = reading.text(read, "since", needed=False)
    until = reading.text(read, "until", needed=False)
    accounts, left_out = reading.texts(read, "accounts"), reading.texts(read, "left_out")
    for unknown in read:
        reading.wrong(unknown, "is not a member of [recording]")
    return Recording(software or "", since, until, accounts, left_out)


def _expected(reading: _Reading, read: object) -> tuple[Expected, ...]:
    if not isinstance(read, list) or not all(isinstance(each, dict) for each in read):
        reading.wrong("expected", "is not written as [[expected]]")
        return ()
    found = []
    for ordinal, table in enumerate(read, 1):
        file = reading.text(table, "file", ordinal=ordinal)
        what = _member_of(reading, table, "what", What, ordinal)
        origin = _member_of(reading, table, "origin", Origin, ordinal)
        by = reading.text(table, "by", ordinal=ordinal)
        digest = reading.text(table, "sha256", ordinal=ordinal)
        if digest is not None and _SHA256.match(digest) is None:
            reading.wrong("sha256", "is not 64 hexadecimal digits", table=ordinal)
        if file is not None and (wrong := inside_problem(file)):
            reading.wrong("file", wrong, table=ordinal)
        for unknown in table:
            reading.wrong(unknown, "is not a member of [[expected]]", table=ordinal)
        if file and what and origin and by and digest:
            found.append(Expected(file, What(what), Origin(origin), by, digest))
    return tuple(found)


def _declared(reading: _Reading, read: object) -> tuple[Declared, ...]:
    if not isinstance(read, list) or not all(isinstance(each, dict) for each in read):
        reading.wrong("declared", "is not written as [[declared]]")
        return ()
    found = []
    for ordinal, table in enumerate(read, 1):
        number, texts = table.get("number"), {name: table.get(name) for name in DECLARED}
        wrong = [
            *[name for name in table if name not in ("number", *DECLARED)],
            *[name for name, text in texts.items() if not isinstance(text, str | None)],
            *[name for name, text in texts.items() if text is None and name not in ("at", "why")],
            *(["what"] if texts["what"] not in tuple(What) else []),
            *(["origin"] if texts["origin"] not in tuple(Origin) else []),
            *(["number"] if type(number) is not int else []),
        ]
        for name in dict.fromkeys(wrong):
            message = f"[[declared]] {ordinal} was changed by hand: `tieout replay expect` writes it"
            reading.wrong(name, message)
        if not wrong:
            said = {name: str(text) for name, text in texts.items() if text is not None}
            what, origin = What(said.pop("what")), Origin(said.pop("origin"))
            found.append(Declared(number=number, what=what, origin=origin, **said))
    return tuple(found)


def _member_of(
    reading: _Reading, table: dict[str, object], name: str, kinds: type[Origin] | type[What], ordinal: int
) -> str | None:
    text = reading.text(table, name, ordinal=ordinal)
    if text is not None and text not in tuple(kinds):
        reading.wrong(name, f"is one of {', '.join(kinds)}, not {text!r}", table=ordinal)
        return None
    return text


def _files(reading: _Reading, read: object) -> dict[str, str]:
    if not isinstance(read, dict):
        reading.wrong("files", "is not a table")
        return {}
    for name, digest in read.items():
        if wrong := inside_problem(name):
            reading.wrong(name, wrong)
        if not isinstance(digest, str) or _SHA256.match(digest) is None:
            reading.wrong(name, "is not 64 hexadecimal digits")
    return dict(read)


def toml_text(text: str) -> str:
    """As a basic string of TOML, which is JSON's but for U+007F."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _list(texts: tuple[str, ...]) -> str:
    return "[" + ", ".join(toml_text(each) for each in texts) + "]"
