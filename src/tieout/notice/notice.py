"""A notice: one thing that happened and that somebody asked to be told of.

Its id is made from what it is about, so that telling the same thing twice is the same notice.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from tieout.contract.notice_target import KIND_PATTERN, Severity
from tieout.kernel.canonical import JsonNumber, JsonValue, canonical_json, token
from tieout.kernel.errors import Refusal, shown
from tieout.kernel.ids import CustomerId, NoticeId, Watermark
from tieout.kernel.instant import Instant

TITLE_LENGTH_MAX: Final = 200
"""Characters, in one line."""
TEXT_BYTES_MAX: Final = 4_096
DATA_BYTES_MAX: Final = 8_192
CUSTOMERS_KINDS: Final = "customer."
"""Kinds that begin so are for the customer that they are about, and for nobody else."""
ID_PATTERN: Final = re.compile(r"notice_[0-9a-f]{32}\Z")
_WHOLE: Final = re.compile(r"-?[0-9]{1,18}\Z")


class MalformedNotice(Refusal):
    """What was to be told cannot be told so."""

    code = "malformed-notice"

    def __init__(self, member: str, why: str) -> None:
        super().__init__(f"A notice's {member} {why}.")


@dataclass(frozen=True, slots=True)
class Notice:
    """`kind` is dotted words such as `alert.crossed`. `at`: since when it holds; `watermark`: the end of the
    log that justifies it, where it came from events. `title` is one line, `text` plain lines. `data` is the
    canonical JSON text of an object whose decimals are strings. Raises `MalformedNotice`.
    """

    id: NoticeId
    kind: str
    customer: CustomerId | None
    severity: Severity
    at: Instant
    watermark: Watermark | None
    title: str
    text: str
    data: str = "{}"

    def __post_init__(self) -> None:
        if ID_PATTERN.match(self.id) is None:
            raise MalformedNotice("id", f"is not one that `notice_id` makes: {shown(self.id)}")
        if KIND_PATTERN.match(self.kind) is None:
            raise MalformedNotice("kind", f"is not dotted lower-case words: {shown(self.kind)}")
        if not self.title.strip() or len(self.title) > TITLE_LENGTH_MAX or not self.title.isprintable():
            raise MalformedNotice("title", f"is not one printable line of 1 to {TITLE_LENGTH_MAX} characters")
        if not all(line.isprintable() for line in self.text.split("\n")):
            raise MalformedNotice("text", "is not plain lines: it has a character that is not printable")
        if len(self.text.encode()) > TEXT_BYTES_MAX:
            raise MalformedNotice("text", f"is longer than {TEXT_BYTES_MAX} bytes")
        _check_data(self.data)


def notice_id(kind: str, *facts: str) -> NoticeId:
    """The id of a notice of that kind about those facts, in that order: the same facts, the same id."""
    said = b"".join(token(part.encode()) for part in (kind, *facts))
    return NoticeId("notice_" + sha256(said).hexdigest()[:32])


def is_for_customer(notice: Notice) -> bool:
    """Whether it goes to targets of its customer's own; every other notice goes to those of the catalog."""
    return notice.kind.startswith(CUSTOMERS_KINDS)


def one_line(text: str) -> str:
    """A stranger's text as a title may hold it: spaces of any kind are spaces, what else is not printable is
    marked, what is too long cut."""
    line = "".join(_printable(each) for each in text).strip() or "(no title)"
    return line if len(line) <= TITLE_LENGTH_MAX else line[: TITLE_LENGTH_MAX - 1] + "\u2026"


def plain_line(text: str) -> str:
    """The same as a notice's text may hold it, which is longer."""
    line = "".join(_printable(each) for each in text).encode()
    if len(line) <= TEXT_BYTES_MAX:
        return line.decode()
    return line[: TEXT_BYTES_MAX - len("\u2026".encode())].decode(errors="ignore") + "\u2026"


def _printable(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() else "\ufffd"


def data_text(data: dict[str, JsonValue]) -> str:
    """The canonical text of what programs are told; amounts and quantities are strings, counts may be whole
    `JsonNumber`s.
    """
    return canonical_json(data)


def data_of(notice: Notice) -> dict[str, object]:
    """The object that the canonical text says."""
    found: dict[str, object] = json.loads(notice.data)
    return found


def _check_data(text: str) -> None:
    if len(text.encode()) > DATA_BYTES_MAX:
        raise MalformedNotice("data", f"is longer than {DATA_BYTES_MAX} bytes")
    try:
        value = json.loads(text, parse_int=JsonNumber, parse_float=JsonNumber, parse_constant=JsonNumber)
    except (ValueError, RecursionError):
        raise MalformedNotice("data", "is no JSON") from None
    if not isinstance(value, dict) or canonical_json(value) != text:
        raise MalformedNotice("data", "is not the canonical text of an object")
    if not _is_exact(value):
        raise MalformedNotice("data", "has a number that is not whole: write decimals as strings")


def _is_exact(value: JsonValue) -> bool:
    match value:
        case JsonNumber(text):
            return _WHOLE.match(text) is not None
        case list():
            return all(_is_exact(each) for each in value)
        case dict():
            return all(_is_exact(each) for each in value.values())
        case _:
            return True
