"""Rows of a CSV file (RFC 4180), safe to open in a spreadsheet.

A text that a spreadsheet would take for a formula (it begins with `=`, `+`, `-`, `@`, a tab or a line end,
after blanks too) gets an apostrophe in front: owasp.org/www-community/attacks/CSV_Injection. Amounts are not
texts: they are digits, a point and perhaps a minus sign.
"""

from __future__ import annotations

from collections.abc import Sequence

from tieout.ledger.export.naming import one_line

FORMULA = ("=", "+", "-", "@")
WIDE_FORMULA = ("\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Their full-width forms, which some spreadsheets take for the same."""


def safe(text: str) -> str:
    """The text on one line, which no program evaluates."""
    said = one_line(text)
    return f"'{said}" if said.lstrip().startswith((*FORMULA, *WIDE_FORMULA)) else said


def row(cells: Sequence[str], separator: str = ",") -> str:
    """One line with its end; cells are `safe` already, or amounts."""
    return separator.join(_cell(each, separator) for each in cells) + "\r\n"


def _cell(text: str, separator: str) -> str:
    if any(char in text for char in (separator, '"', "\r", "\n")) or text != text.strip():
        doubled = text.replace('"', '""')
        return f'"{doubled}"'
    return text
