"""What the sealed document says that entries and movements follow from, in minor units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from tieout.evidence.verify.pack import Members
from tieout.evidence.verify.working import fraction
from tieout.kernel.instant import Instant, parse_instant
from tieout.kernel.money import CURRENCIES


@dataclass(frozen=True)
class Paper:
    """The sealed document, with the movements that were sealed with it."""

    document: Members
    movements: Sequence[Members]

    @cached_property
    def minor(self) -> int:
        return int(10 ** CURRENCIES[self.document["currency"]].exponent)

    @cached_property
    def issued(self) -> Instant:
        return parse_instant(self.document["issued_at"])

    @cached_property
    def last(self) -> Instant:
        return Instant(parse_instant(self.document["period"]["end"]) - 1)

    @cached_property
    def lines(self) -> dict[str, Members]:
        return {line["id"]: line for line in self.document["lines"]}

    def money(self, text: str) -> Fraction:
        return fraction(text) * self.minor

    def net(self, line: Members) -> Fraction:
        return self.money(str(line.get("amount_after_discounts", line["amount"])))

    def counts_when(self, line: Members) -> Instant:
        """The last instant of the period that it is of: one that corrects is of what it corrects."""
        corrects = line.get("correction")
        return self.last if corrects is None else Instant(parse_instant(corrects["period"]["end"]) - 1)

    def is_settled_in_parts(self, line: Members) -> bool:
        """One that gives back a fee, on an interim invoice or after one: balances move with the last only."""
        gives = any(step["rule"] == "unused-fee" for step in line["steps"])
        return gives and (self.document["kind"] == "interim" or "earlier" in line)

    @property
    def taxes(self) -> Fraction:
        return sum((self.money(tax["amount"]) for tax in self.document.get("taxes", [])), Fraction(0))

    @property
    def total(self) -> Fraction:
        return self.money(self.document["total"])

    @property
    def is_tax_contained(self) -> bool:
        return any(tax["inclusive"] for tax in self.document.get("taxes", []))


def advance_of(paper: Paper) -> dict[str, Fraction]:
    """The lines that bill a fee before its time, or give back what of one is not used: what is deferred."""
    found = {
        each["id"].partition("/")[2]: Fraction(each["minor"])
        for each in paper.movements
        if each["kind"] == "billed"
    }
    if paper.movements:
        for name, line in paper.lines.items():
            rules = {step["rule"] for step in line["steps"]}
            if "unused-fee" in rules and line["snapshot"] is None and "correction" not in line:
                found[name] = paper.money(line["amount"])
    return found
