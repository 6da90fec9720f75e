"""A quantity is an exact decimal: an integer number of atoms of 10^-12. No float, no exponent, no context.

Edge grammar: `-?` 1 to 18 ASCII digits, then optionally `.` and 1 to 12 ASCII digits, to the very end of the
text. What JSON libraries also call numbers (NaN, 1e9, 1_000, Arabic digits) is refused: each has been
billed wrongly somewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal

from tieout.kernel.errors import Refusal, shown
from tieout.kernel.limits import FRACTION_DIGITS_MAX, INTEGER_DIGITS_MAX

ATOMS_PER_UNIT: Final = 10**FRACTION_DIGITS_MAX
QUANTITY_TOTAL_MAX: Final = 10**26
"""The sum of absolute quantities of one snapshot, in units, stays below this in every engine."""

_QUANTITY = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?\Z", re.ASCII)

Malformation = Literal["malformed", "digits", "not an integer"]


class MalformedQuantity(Refusal):
    """The text is no quantity; `reason` says which rule it breaks."""

    code = "malformed-quantity"

    def __init__(self, text: str, reason: Malformation) -> None:
        super().__init__(text, reason)
        self.text = text
        self.reason = reason

    def __str__(self) -> str:
        rule = {
            "malformed": "is not a plain decimal number such as 12 or -0.5",
            "digits": f"has more than {INTEGER_DIGITS_MAX} integer or {FRACTION_DIGITS_MAX} fraction digits",
            "not an integer": "is not a whole number",
        }
        return f"{shown(self.text)} {rule[self.reason]}."


class Unmeasurable(Refusal):
    """Usage of one window that no engine answers with a number; its account parks, and the others go on."""

    code = "unmeasurable"


class QuantityOverflow(Unmeasurable):
    """The absolute quantities of one snapshot add up to `QUANTITY_TOTAL_MAX` units or more."""

    code = "quantity-overflow"

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return f"The quantities of {self.what} add up, signs aside, to 10^26 or more; nothing was rated."


@dataclass(frozen=True, slots=True, order=True)
class Quantity:
    """An exact number of units. `atoms` is in units of 10^-12; sums are unbounded."""

    atoms: int

    @classmethod
    def parse(cls, text: str) -> Quantity:
        """Reads a decimal of the edge grammar. Raises `MalformedQuantity`."""
        sign, whole, fraction = _split(text)
        atoms = int(whole) * ATOMS_PER_UNIT + int(fraction.ljust(FRACTION_DIGITS_MAX, "0"))
        return cls(-atoms if sign else atoms)

    @classmethod
    def parse_integer(cls, text: str) -> Quantity:
        """Reads a decimal whose fraction, if written, is zero: `5` and `5.0`. Raises `MalformedQuantity`."""
        quantity = cls.parse(text)
        if not quantity.is_integer():
            raise MalformedQuantity(text, "not an integer")
        return quantity

    @classmethod
    def of(cls, units: int) -> Quantity:
        """A whole number of units."""
        return cls(units * ATOMS_PER_UNIT)

    @classmethod
    def from_atoms(cls, atoms: int) -> Quantity:
        """A number of atoms, 10^-12 units each."""
        return cls(atoms)

    def is_integer(self) -> bool:
        return self.atoms % ATOMS_PER_UNIT == 0

    def as_fraction(self) -> Fraction:
        return Fraction(self.atoms, ATOMS_PER_UNIT)

    def __add__(self, other: Quantity) -> Quantity:
        return Quantity(self.atoms + other.atoms)

    def __sub__(self, other: Quantity) -> Quantity:
        return Quantity(self.atoms - other.atoms)

    def __neg__(self) -> Quantity:
        return Quantity(-self.atoms)

    def __abs__(self) -> Quantity:
        return Quantity(abs(self.atoms))

    def __bool__(self) -> bool:
        return self.atoms != 0

    def __str__(self) -> str:
        """The plain canonical decimal: no exponent, no leading or trailing zeros, no `-0`."""
        whole, fraction = divmod(abs(self.atoms), ATOMS_PER_UNIT)
        sign = "-" if self.atoms < 0 else ""
        if not fraction:
            return f"{sign}{whole}"
        return f"{sign}{whole}.{fraction:0{FRACTION_DIGITS_MAX}d}".rstrip("0")


QUANTITY_ZERO: Final = Quantity(0)


def _split(text: str) -> tuple[str, str, str]:
    """Sign, integer digits, fraction digits ("0" if none); lengths are checked before any conversion."""
    match = _QUANTITY.match(text)
    if match is None:
        raise MalformedQuantity(text, "malformed")
    sign, whole, fraction = match.group(1), match.group(2), match.group(3) or "0"
    if len(whole) > INTEGER_DIGITS_MAX or len(fraction) > FRACTION_DIGITS_MAX:
        raise MalformedQuantity(text, "digits")
    return sign, whole, fraction
