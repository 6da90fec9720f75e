"""A reader over one TOML table that notes every problem and goes on, so that a person sees all of them at
once.

After a problem a reader returns a stand-in of the right type; whoever builds a record must look at
`problems` first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from enum import Enum
from typing import TypeVar

from tieout.kernel.canonical import JsonNumber, JsonValue
from tieout.kernel.errors import TieoutError, shown
from tieout.kernel.instant import Instant, MalformedInstant, parse_instant
from tieout.kernel.limits import KEY_LENGTH_MAX, STRING_LENGTH_MAX
from tieout.kernel.quantity import MalformedQuantity, Quantity
from tieout.kernel.rational import Exact, MalformedExact, exact

KEY_PATTERN = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._/:@+-]{{0,{KEY_LENGTH_MAX - 1}}}\Z")
DATE_PATTERN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
CONTROL_PATTERN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
INTEGER_PATTERN = re.compile(r"-?[0-9]+\Z")
STAND_IN_INSTANT = Instant(0)
NULL_NAMES = {str: "text", list: "a list", dict: "a table", bool: "a boolean"}

Choice = TypeVar("Choice", bound=Enum)


@dataclass(slots=True)
class Findings:
    """(field, message) pairs in the order they were found."""

    items: list[tuple[str, str]] = field(default_factory=list)
    _noted: set[tuple[str, str]] = field(default_factory=set, repr=False)

    def add(self, name: str, message: str) -> None:
        """Note one problem under its dotted field name; the same problem is noted once."""
        if (name, message) not in self._noted:
            self._noted.add((name, message))
            self.items.append((name, message))


class TableReader:
    """Reads members by name and type; `finish` reports the members that nobody asked for."""

    __slots__ = ("_asked", "_findings", "_prefix", "_table")

    def __init__(self, table: Mapping[str, JsonValue], findings: Findings, prefix: str = "") -> None:
        self._table = table
        self._findings = findings
        self._prefix = prefix
        self._asked: set[str] = set()

    def problem(self, name: str, message: str) -> None:
        """Note a problem with member `name` of this table ("" for the table itself)."""
        self._findings.add(self._prefix + name if name else self._prefix.rstrip("."), message)

    def has(self, name: str) -> bool:
        """Whether the member is there; asking makes it a known one."""
        self._asked.add(name)
        return name in self._table

    def finish(self) -> None:
        """Report every member that is not one of those asked for, with the likeliest one that was meant."""
        for name in self._table:
            if name not in self._asked:
                meant = get_close_matches(name, sorted(self._asked), n=1)
                self.problem(name, f"unknown key{f'; did you mean {meant[0]!r}?' if meant else ''}")

    def text(self, name: str, *, length_max: int = STRING_LENGTH_MAX) -> str:
        """Required text: not empty, no control or direction-changing characters, at most `length_max` UTF-8
        bytes."""
        value = self._required(name)
        return "" if value is None else self._text_of(name, value, length_max)

    def optional_text(self, name: str, *, length_max: int = STRING_LENGTH_MAX) -> str | None:
        """Like `text`, None where the member is not there."""
        return self.text(name, length_max=length_max) if self.has(name) else None

    def literal(self, name: str) -> str | None:
        """Optional text of any content, the empty text included, except control characters."""
        if not self.has(name):
            return None
        value = self._table[name]
        if value == "":
            return ""
        return self._text_of(name, value, STRING_LENGTH_MAX)

    def block(self, name: str) -> str:
        """Required text that may run over several lines and hold anything (an example's JSON)."""
        value = self._required(name)
        if value is not None and not isinstance(value, str):
            self.problem(name, f"must be text, not {_kind(value)}")
        return value if isinstance(value, str) else ""

    def reference(self, name: str) -> str:
        """Required key of a document: letters, digits and . _ / : @ + -, at most KEY_LENGTH_MAX long."""
        value = self.text(name)
        if value and KEY_PATTERN.match(value) is None:
            self.problem(
                name,
                f"{shown(value)} is not a key (letters, digits, ._/:@+-; at most {KEY_LENGTH_MAX} of them)",
            )
        return value

    def texts(self, name: str, *, at_least: int = 0) -> tuple[str, ...]:
        """List of texts, each different; empty where the member is not there and `at_least` is 0."""
        if not self.has(name) and at_least == 0:
            return ()
        value = self._required(name)
        if value is None:
            return ()
        if not isinstance(value, list):
            self.problem(name, f"must be a list of texts, not {_kind(value)}")
            return ()
        found = tuple(
            self._text_of(f"{name}[{place}]", item, STRING_LENGTH_MAX) for place, item in enumerate(value)
        )
        if len(found) < at_least:
            self.problem(
                name,
                f"needs at least {at_least} entry" if at_least == 1 else f"needs at least {at_least} entries",
            )
        repeated = sorted({text for text in found if text and found.count(text) > 1})
        for text in repeated:
            self.problem(name, f"{shown(text)} is listed more than once")
        return found

    def integer(self, name: str, *, minimum: int, maximum: int, default: int | None = None) -> int:
        """TOML integer in `[minimum, maximum]`; required unless a default is given."""
        if default is not None and not self.has(name):
            return default
        found = self._integer(name)
        if found is None:
            return minimum
        if not minimum <= found <= maximum:
            self.problem(name, f"{found} is outside {minimum} to {maximum}")
        return found

    def optional_integer(self, name: str, *, minimum: int, maximum: int) -> int | None:
        """Like `integer`, None where the member is not there."""
        return self.integer(name, minimum=minimum, maximum=maximum) if self.has(name) else None

    def boolean(self, name: str, *, default: bool | None = None) -> bool:
        """TOML boolean; required unless a default is given."""
        if default is not None and not self.has(name):
            return default
        value = self._required(name)
        if value is not None and not isinstance(value, bool):
            self.problem(name, f"must be true or false, not {_kind(value)}")
        return value is True

    def choice(self, name: str, options: Iterable[Choice], *, default: Choice | None = None) -> Choice:
        """One of an enum's values, or of some of them; required unless a default is given."""
        members = list(options)
        if default is not None and not self.has(name):
            return default
        value = self._required(name)
        if value is None:
            return members[0]
        found = next((member for member in members if member.value == value), None)
        if found is None:
            given = shown(value) if isinstance(value, str) else _kind(value)
            self.problem(name, f"{given} is not one of {', '.join(str(member.value) for member in members)}")
        return found or members[0]

    def exact(self, name: str, *, default: Exact | None = None) -> Exact:
        """Decimal in a string, exact; required unless a default is given."""
        if default is not None and not self.has(name):
            return default
        text = self._decimal_text(name)
        try:
            return exact(text) if text is not None else Exact(1)
        except MalformedExact as error:
            self.problem(name, _sentence(error))
            return Exact(1)

    def quantity(self, name: str, *, integer_allowed: bool = False) -> Quantity | None:
        """Optional decimal in a string; with `integer_allowed` a TOML integer does as well."""
        if not self.has(name):
            return None
        value = self._table[name]
        whole = integer_allowed and isinstance(value, JsonNumber) and INTEGER_PATTERN.match(value.text)
        text = value.text if whole and isinstance(value, JsonNumber) else self._decimal_text(name)
        try:
            return Quantity.parse(text) if text is not None else None
        except MalformedQuantity as error:
            self.problem(name, _sentence(error))
            return None

    def instant(self, name: str) -> Instant:
        """Required instant: RFC 3339 text, or a TOML date-time, with an offset."""
        value = self._required(name)
        if value is None:
            return STAND_IN_INSTANT
        if not isinstance(value, str):
            self.problem(name, f"must be an RFC 3339 time with an offset, not {_kind(value)}")
            return STAND_IN_INSTANT
        try:
            return parse_instant(value)
        except MalformedInstant as error:
            self.problem(name, _sentence(error))
            return STAND_IN_INSTANT

    def optional_instant(self, name: str) -> Instant | None:
        """Like `instant`, None where the member is not there."""
        return self.instant(name) if self.has(name) else None

    def optional_date(self, name: str) -> date | None:
        """Calendar date, as a TOML date or as text YYYY-MM-DD."""
        if not self.has(name):
            return None
        value = self._table[name]
        try:
            if isinstance(value, str) and DATE_PATTERN.match(value):
                return date.fromisoformat(value)
        except ValueError:
            pass  # reported below, like every other text that is no date
        given = shown(value) if isinstance(value, str) else _kind(value)
        self.problem(name, f"{given} is not a date (YYYY-MM-DD)")
        return None

    def table(self, name: str) -> TableReader | None:
        """Member table, None where it is not there or is something else (which is reported)."""
        if not self.has(name):
            return None
        return self._inner(name, self._table[name])

    def tables(self, name: str) -> list[TableReader]:
        """Readers over a list of tables; empty where the member is not there."""
        if not self.has(name):
            return []
        value = self._table[name]
        if not isinstance(value, list):
            self.problem(name, f"must be a list of tables, not {_kind(value)}")
            return []
        inner = (self._inner(f"{name}[{place}]", item) for place, item in enumerate(value))
        return [reader for reader in inner if reader is not None]

    def named_tables(self, name: str) -> list[tuple[str, TableReader]]:
        """(name, reader) over a table of tables, sorted by name; empty where the member is not there."""
        outer = self.table(name)
        if outer is None:
            return []
        inner = ((key, outer.table(key)) for key in sorted(outer.names))
        return [(key, reader) for key, reader in inner if reader is not None]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all members."""
        return tuple(self._table)

    def _inner(self, name: str, value: JsonValue) -> TableReader | None:
        if not isinstance(value, dict):
            self.problem(name, f"must be a table, not {_kind(value)}")
            return None
        return TableReader(value, self._findings, f"{self._prefix}{name}.")

    def _required(self, name: str) -> JsonValue:
        if not self.has(name):
            self.problem(name, "is missing")
            return None
        value = self._table[name]
        if value is None:  # JSON can say it; a stand-in without a finding would pass for what was said
            self.problem(name, "must not be null")
        return value

    def _text_of(self, name: str, value: JsonValue, length_max: int) -> str:
        if not isinstance(value, str):
            self.problem(name, f"must be text, not {_kind(value)}")
            return ""
        if not value.strip():
            self.problem(name, "is empty")
        elif CONTROL_PATTERN.search(value):
            self.problem(name, f"{shown(value)} has a control or direction-changing character")
        elif len(value.encode("utf-8")) > length_max:
            self.problem(name, f"is longer than {length_max} bytes")
        return value

    def _integer(self, name: str) -> int | None:
        value = self._required(name)
        if value is None:
            return None
        if not isinstance(value, JsonNumber) or INTEGER_PATTERN.match(value.text) is None:
            self.problem(name, f"must be an integer, not {_kind(value)}")
            return None
        return int(value.text)

    def _decimal_text(self, name: str) -> str | None:
        value = self._required(name)
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, JsonNumber):
            self.problem(name, f'write the decimal as a string: "{value.text}"')
        else:
            self.problem(name, f"must be a decimal in a string, not {_kind(value)}")
        return None


def _sentence(error: TieoutError) -> str:
    return str(error).removesuffix(".")


def _kind(value: JsonValue) -> str:
    if isinstance(value, JsonNumber):
        return f"the number {shown(value.text)}"
    return NULL_NAMES.get(type(value), "nothing")
