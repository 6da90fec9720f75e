"""Balances at the end, account by account: debits above zero, credits below.

What was used is revenue, less discounts and the taxes in it; what was billed for times to come is deferred
until they are over. A total is receivable, one below zero is owed to the customer. Credits pay: paid ones
were a liability, promotional ones cost revenue.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.independent.numbers import money_text, shared
from tests.independent.totals import Line
from tests.independent.world import Paper, World

RECEIVABLE, CLEARING, REVENUE = "receivable", "clearing", "revenue"
DEFERRED, TAX, BALANCE = "deferred-revenue", "tax-payable", "customer-balance"
PAID, PROMOTIONAL, BREAKAGE = "paid-credits", "promotional-credits", "breakage"

Posting = tuple[str, int]


def balances(world: World) -> list[dict[str, Any]]:
    """Of every customer, all that are not zero. They add up to zero, or the second system is wrong."""
    sums: dict[tuple[str, str, str], int] = {}
    for customer, currency, postings in _all(world):
        assert sum(amount for _, amount in postings) == 0, postings
        for account, amount in postings:
            key = customer, account, currency
            sums[key] = sums.get(key, 0) + amount
    return [
        {
            "customer": customer,
            "account": account,
            "currency": currency,
            "amount": money_text(amount, currency),
        }
        for (customer, account, currency), amount in sorted(sums.items())
        if amount
    ]


def _all(world: World) -> Iterator[tuple[str, str, list[Posting]]]:
    for paper in world.papers:
        if not paper.voided:
            yield paper.customer, paper.currency, _of_paper(world, paper)
    for grant in world.grants:
        currency = str(world.catalog.last("customer", grant.customer)["currency"])
        if grant.kind == "paid":
            yield grant.customer, currency, [(CLEARING, grant.granted), (PAID, -grant.granted)]
            lapsed = (
                grant.left
                if any(
                    paper.customer == grant.customer
                    and paper.kind == "final"
                    and paper.period[1] > grant.expires
                    for paper in world.papers
                )
                else 0
            )
            yield grant.customer, currency, [(PAID, lapsed), (BREAKAGE, -lapsed)]
    for customer, currency, postings in world.movements:
        yield customer, currency, postings


def _of_paper(world: World, paper: Paper) -> list[Posting]:
    contained = _contained(paper)
    postings: list[Posting] = []
    for line in paper.lines:
        net = line.left - contained[id(line)]
        kept = 0 if paper.kind == "interim" else _deferred(line, net)
        postings += [(DEFERRED, -kept), (REVENUE, kept - net)]
    taxes = sum(contained.values()) + paper.tax_total
    postings.append((TAX, -taxes))
    postings.append((RECEIVABLE if paper.total >= 0 else BALANCE, paper.total))
    for row in paper.credits:
        amount = int(row["amount"].replace(".", ""))
        kind = PROMOTIONAL if row["text"].startswith("Promotional") else PAID
        postings += [(RECEIVABLE, -amount), (kind, amount)]
    return postings + _earned(world, paper) + _lapsed(paper)


def _deferred(line: Line, net: int) -> int:
    """The part of a line that is for times to come. Interim papers move nothing of it, so the line that ends
    the period moves all; a correction moves the difference."""
    charge = line.charge
    if charge.kind == "commitment":
        whole = int(charge.extra["deferred"])
        return whole if line.corrects is None else net if whole == charge.settled else 0
    return net if charge.kind in ("fee ahead", "unused fee") else 0


def _contained(paper: Paper) -> dict[int, int]:
    """The taxes in each line's price, shared out over the lines that they are for."""
    found = {id(line): 0 for line in paper.lines}
    for tax in paper.taxes:
        if tax.get("inclusive"):
            parts = shared(int(tax["amount"].replace(".", "")), [max(0, line.left) for line in paper.lines])
            for line, part in zip(paper.lines, parts, strict=True):
                found[id(line)] += part
    return found


def _earned(world: World, paper: Paper) -> list[Posting]:
    """A fee that an earlier invoice billed for this period is earned now, but for what is credited."""
    if paper.kind != "final":
        return []
    keys = {line.charge.subscription for line in paper.lines}
    billed = sum(
        advance.paid
        for key in keys
        for advance in world.advances.get(key, [])
        if paper.period[0] <= advance.charge.part[0] < paper.period[1]
    )
    credited = sum(line.left for line in paper.lines if line.charge.kind == "unused fee")
    earned = billed + credited if billed else 0
    return [(DEFERRED, earned), (REVENUE, -earned)] if earned else []


def _lapsed(paper: Paper) -> list[Posting]:
    """What of a prepaid commitment was never drawn is kept when it can be drawn no more."""
    postings: list[Posting] = []
    for line in paper.lines:
        lapsed = int(line.charge.extra.get("lapsed", 0))
        if lapsed and line.corrects is None:
            postings += [(DEFERRED, lapsed), (BREAKAGE, -lapsed)]
    return postings
