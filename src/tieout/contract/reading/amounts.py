"""Amounts, rates and percentages as prices write them: exact, in strings, and never negative."""

from __future__ import annotations

from enum import StrEnum

from tieout.contract.price import AmountIn
from tieout.contract.reading.table import TableReader
from tieout.kernel.limits import PERCENT_MAX
from tieout.kernel.money import Currency
from tieout.kernel.rational import Exact, exact_text


class AmountInName(StrEnum):
    """In what events state amounts of money."""

    MAJOR = "major"
    MINOR = "minor"


def read_amount(reader: TableReader, name: str, *, default: Exact | None = None) -> Exact:
    """Any exact amount of currency units, down to fractions of a minor unit."""
    amount = reader.exact(name, default=default)
    if amount < 0:
        reader.problem(name, f"{exact_text(amount)} is negative")
    return amount


def read_optional_amount(reader: TableReader, name: str) -> Exact | None:
    """Like `read_amount`, None where the member is not there."""
    return read_amount(reader, name) if reader.has(name) else None


def read_settled_amount(
    reader: TableReader, name: str, unit: Currency | None, *, default: Exact | None = None
) -> Exact:
    """A fixed amount is money as it stands, so it must be a whole number of minor units."""
    amount = read_amount(reader, name, default=default)
    if unit is not None and not unit.has(amount):
        places = (
            f"{unit.exponent} decimal place{'' if unit.exponent == 1 else 's'}"
            if unit.exponent
            else "no decimals"
        )
        reader.problem(name, f"{exact_text(amount)} {unit.code} does not exist: {unit.code} has {places}")
    return amount


def read_percent(reader: TableReader, name: str, *, maximum: int = PERCENT_MAX) -> Exact:
    """A percentage from 0 to `maximum`: "2.9" is 2.9 %."""
    percent = read_amount(reader, name)
    if percent > maximum:
        reader.problem(name, f"{exact_text(percent)} % is more than {maximum:,} %")
    return percent


def read_per(reader: TableReader) -> Exact:
    """For how many units a rate is; 1 unless stated."""
    per = reader.exact("per", default=Exact(1))
    if per <= 0:
        reader.problem("per", "must be above zero")
    return per


def read_amount_in(reader: TableReader) -> AmountIn:
    """`amount_in`: whole units of the currency unless stated."""
    found = reader.choice("amount_in", AmountInName, default=AmountInName.MAJOR)
    return "minor" if found is AmountInName.MINOR else "major"
