"""Money is a whole number of minor units of one currency. Two currencies never meet in one sum.

Codes and exponents: ISO 4217 list one, active codes. The accounting units CLF, UYI and UYW are in, since
contracts are written in them; so is BGN, for bills of 2025 and before. Metals and test codes are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from tieout.kernel.errors import IntegrityViolation, Refusal, shown
from tieout.kernel.rational import exact

_CODES_BY_EXPONENT: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF "
    "CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG "
    "HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU "
    "MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR "
    "SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED "
    "VES WST XCD XCG YER ZAR ZMW ZWG",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}


class UnknownCurrency(Refusal):
    """The code is not an active ISO 4217 code in upper case."""

    code = "unknown-currency"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"{shown(self.text)} is not an active ISO 4217 currency code."


class CurrencyMismatch(IntegrityViolation):
    """Amounts of two currencies met. This is a broken invariant, not bad input."""

    code = "currency-mismatch"

    def __init__(self, left: Currency, right: Currency) -> None:
        super().__init__(left, right)
        self.left = left
        self.right = right

    def __str__(self) -> str:
        return f"An amount in {self.left.code} met one in {self.right.code}."


@dataclass(frozen=True, slots=True)
class Currency:
    """An ISO 4217 code; one unit is 10^exponent minor units."""

    code: str
    exponent: int

    def has(self, amount: Fraction) -> bool:
        """Whether the amount, in whole units, can be paid: it is a whole number of minor units."""
        minor_per_unit: int = 10**self.exponent
        return minor_per_unit % amount.denominator == 0

    def __str__(self) -> str:
        return self.code


CURRENCIES: Final = {
    code: Currency(code, exponent) for exponent, codes in _CODES_BY_EXPONENT.items() for code in codes.split()
}


def currency(code: str) -> Currency:
    """The currency of an upper-case ISO 4217 code. Raises `UnknownCurrency`."""
    found = CURRENCIES.get(code)
    if found is None:
        raise UnknownCurrency(code)
    return found


class FinerThanMinor(IntegrityViolation):
    """An amount that was settled is no whole number of minor units."""

    code = "finer-than-minor"

    def __init__(self, amount: Fraction, currency: Currency) -> None:
        super().__init__(amount, currency)
        self.amount = amount
        self.currency = currency

    def __str__(self) -> str:
        return f"An amount of {self.amount} {self.currency.code} is finer than the currency's minor unit."


@dataclass(frozen=True, slots=True)
class Money:
    """`minor` minor units (cents, yen, fils) of `currency`."""

    minor: int
    currency: Currency

    @classmethod
    def exactly(cls, amount: Fraction, currency: Currency) -> Money:
        """An amount in whole units, read back; nothing is rounded. Raises `FinerThanMinor`."""
        minor = amount * 10**currency.exponent
        if minor.denominator != 1:
            raise FinerThanMinor(amount, currency)
        return cls(minor.numerator, currency)

    @classmethod
    def read(cls, text: str, currency: Currency) -> Money:
        """A decimal text in whole units, as documents print amounts. The one way from there to minor units.

        Raises `MalformedExact` or `FinerThanMinor`: nothing is cut off.
        """
        return cls.exactly(exact(text), currency)

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other).minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other).minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def as_fraction(self) -> Fraction:
        """In whole units of the currency."""
        return Fraction(self.minor, 10**self.currency.exponent)

    @property
    def decimal_text(self) -> str:
        """The amount in currency units with all its minor digits: `12.30`, `-0.05`, `500` for JPY."""
        exponent = self.currency.exponent
        digits = str(abs(self.minor)).rjust(exponent + 1, "0")
        sign = "-" if self.minor < 0 else ""
        return f"{sign}{digits[:-exponent]}.{digits[-exponent:]}" if exponent else f"{sign}{digits}"

    def __str__(self) -> str:
        return f"{self.decimal_text} {self.currency.code}"

    def _same(self, other: Money) -> Money:
        if self.currency != other.currency:
            raise CurrencyMismatch(self.currency, other.currency)
        return other


def zero(unit: Currency) -> Money:
    return Money(0, unit)
