"""What the balances must be, worked out a second time: from the printed documents and the words of the people
who sold the credits, in plain Fractions. Nothing of the ledger's code is used.
"""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from typing import Any

Sums = dict[tuple[str, str, str], Fraction]


def naive_balances(documents: list[dict[str, Any]], sold: dict[str, tuple[str, str, str]]) -> Sums:
    """By account, customer and currency: what follows from documents alone. `sold` has the paid grants, each
    with customer, amount and currency; what of them no invoice used counts as not used yet or expired
    (`credits-left`), and what was earned, deferred or lost as one sum (`earned`)."""
    sums: Sums = defaultdict(Fraction)
    for customer, amount, code in sold.values():
        sums["clearing", customer, code] += Fraction(amount)
        sums["credits-left", customer, code] -= Fraction(amount)
    for document in documents:
        customer, code = document["customer"]["id"], document["currency"]
        total, taxes = Fraction(document["total"]), Fraction(0)
        for tax in document["taxes"]:
            taxes += Fraction(tax["amount"])
        sums["tax-payable", customer, code] -= taxes
        sums["earned", customer, code] -= total - taxes
        sums["receivable" if total >= 0 else "customer-balance", customer, code] += total
        for credit in document["credits"]:
            amount = Fraction(credit["amount"])
            paid = credit["account"].removeprefix("wallet/") in sold
            sums["credits-left" if paid else "promotional-credits", customer, code] += amount
            sums["receivable", customer, code] -= amount
    return {key: amount for key, amount in sums.items() if amount}


TOGETHER = {
    "revenue": "earned",
    "deferred-revenue": "earned",
    "paid-credits": "credits-left",
}
"""Accounts that documents alone do not tell apart. Breakage is of lapsed commitments or expired credits."""
