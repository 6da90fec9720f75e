"""Credit that pays totals: each grant until it is used up or has expired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.independent.documents import FAR
from tests.independent.instants import text
from tests.independent.numbers import money_text
from tests.independent.totals import Line, Printed


@dataclass
class Grant:
    id: str
    customer: str
    kind: str
    left: int
    priority: int
    since: int
    expires: int = FAR
    prices: tuple[str, ...] = ()
    granted: int = 0

    def __post_init__(self) -> None:
        self.granted = self.granted or self.left

    @property
    def order(self) -> tuple[int, int, bool, int, str]:
        """Stated priority, earliest end, promotional before paid, oldest."""
        return self.priority, self.expires, self.kind == "paid", self.since, self.id


def pay(
    grants: Sequence[Grant], customer: str, total: int, last: int, lines: Sequence[Line]
) -> list[Printed]:
    """What each grant pays of a total, from what is held at the last instant of the period."""
    found, due = [], total
    for grant in sorted(grants, key=lambda each: each.order):
        if grant.customer != customer or not grant.since <= last < grant.expires:
            continue
        most = min(due, grant.left)
        if grant.prices:
            own = [line.left for line in lines if line.charge.price["key"] in grant.prices]
            most = min(most, sum(own))
        if most <= 0:
            continue
        grant.left, due = grant.left - most, due - most
        ends = "" if grant.expires == FAR else f", expires {text(grant.expires)}"
        words = "Paid" if grant.kind == "paid" else "Promotional"
        found.append(
            {
                "account": f"wallet/{grant.id}",
                "text": f"{words} credit {grant.id}{ends}",
                "amount": money_text(most, lines[0].charge.price["currency"]),
            }
        )
    return found
