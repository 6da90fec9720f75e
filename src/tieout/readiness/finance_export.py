"""What finance finds who adds up the exported journal: by invoice number, from the text of the CSV alone.

Nothing of the ledger's own code is used: a row is what its header says, an amount what its digits say.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

OF_THE_SEAL = ("takes-back/", "accrual/", "earned/", "invoice/", "credits/")
"""How ids of the entries begin that a seal posts with its paper; payments and reversals have others."""
ASKED = ("receivable", "customer-balance")
EARNED = ("revenue", "deferred-revenue", "breakage", "tax-payable")
COLUMNS = ("entry", "number", "account", "debit", "credit", "currency")
_AMOUNT = re.compile(r"[0-9]+(\.[0-9]+)?\Z", re.ASCII)


class UnreadableExport(ValueError):
    """A text that is no exported journal: which line, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class ExportedTotals:
    """`billed` and `asked` by (number, currency): what revenue and taxes of it were credited, and what is
    left to ask for or to give back after credits. `off`: by currency, debits less credits of the whole file,
    where they differ. `rows` that were added up."""

    billed: Mapping[tuple[str, str], Fraction]
    asked: Mapping[tuple[str, str], Fraction]
    off: Mapping[str, Fraction]
    rows: int


def totals_of(lines: Iterable[str]) -> ExportedTotals:
    """Raises `UnreadableExport`."""
    reader = csv.DictReader(lines, strict=True)
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise UnreadableExport(f"the header lacks {', '.join(missing)}")
    billed: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    asked: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    sums: dict[str, Fraction] = defaultdict(Fraction)
    rows = 0
    try:
        for row in reader:
            rows += 1
            amount = _amount(row["debit"], reader.line_num) - _amount(row["credit"], reader.line_num)
            sums[row["currency"]] += amount
            if not row["entry"].startswith(OF_THE_SEAL):
                continue
            key = (row["number"], row["currency"])
            if row["account"] in EARNED:
                billed[key] -= amount
            elif row["account"] in ASKED:
                asked[key] += amount
    except csv.Error as error:
        raise UnreadableExport(f"line {reader.line_num}: {error}") from error
    return ExportedTotals(billed, asked, {code: off for code, off in sums.items() if off}, rows)


def _amount(text: str | None, line: int) -> Fraction:
    if text == "":
        return Fraction(0)
    if text is None or _AMOUNT.match(text) is None:
        raise UnreadableExport(f"line {line}: {text!r} is not an amount")
    return Fraction(text)
