"""What an export calls things: the entry beside the names that its keys stand for."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.ledger.entry import Entry


@dataclass(frozen=True, slots=True)
class Named:
    """An entry with the customer's name and the invoice's number, as far as there are any."""

    entry: Entry
    customer_name: str
    number: str

    @property
    def narration(self) -> str:
        """What the entry says, on one line."""
        return f"{self.entry.reason} ({self.number})" if self.number else self.entry.reason


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
