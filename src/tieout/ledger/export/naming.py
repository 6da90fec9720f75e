"""What an export calls things: the entry beside the names that its keys stand for."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.ledger.entry import Entry

PROPOSED = "PROPOSED:"
"""Begins what is said of an entry that is not posted."""


@dataclass(frozen=True, slots=True)
class Named:
    """An entry with the customer's name and the invoice's number, as far as there are any. `is_proposed`: a
    draft that waits would post it; every format says so."""

    entry: Entry
    customer_name: str
    number: str
    is_proposed: bool = False

    @property
    def narration(self) -> str:
        """What the entry says, on one line."""
        said = f"{self.entry.reason} ({self.number})" if self.number else self.entry.reason
        return self.marked(said)

    def marked(self, text: str) -> str:
        """The text with a word before it where the entry is not posted."""
        return f"{PROPOSED} {text}" if self.is_proposed else text


def one_line(text: str, reserved: str = "") -> str:
    """The text on one line: what is not printable (line ends, control and direction marks), a backslash and
    every reserved character become `\\uXXXX`, so that nothing is lost and nothing is markup."""
    return "".join(
        char if char.isprintable() and char != "\\" and char not in reserved else _escaped(char)
        for char in text
    )


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
