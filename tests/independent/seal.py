"""A paper leaves the house: discounts, taxes, credit, a number and a day on which it is due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from tests.independent.control import waivers
from tests.independent.documents import Document
from tests.independent.instants import local_date
from tests.independent.policy import calendar_at
from tests.independent.totals import Line, Printed, discounts, set_aside, tax_list, taxes
from tests.independent.wallet import pay
from tests.independent.world import Account, Paper, World

SERIES = {"invoice": "", "credit note": "-CN", "debit note": "-DN"}


def seal(
    world: World,
    account: Account,
    lines: list[Line],
    at: int,
    cutoff: int,
    *,
    kind: str = "final",
    brought: Sequence[Printed] = (),
) -> Paper:
    """A total below zero makes a credit note of it. `brought` is what coupons of corrected periods do, which
    the lines of corrections bear already; inside a period no sum is taken off."""
    catalog, period = world.catalog, account.period
    customer = world.profile(account)
    seller = catalog.at("seller", customer["seller"], period[1] - 1)
    subscriptions = [each for each, _ in account.subscriptions]
    calendar = calendar_at(catalog, world.policies, account.customer, subscriptions[0], period[0])
    for line in lines:
        line.left = line.amount - sum(line.given.values())
    held = (period[0], at) if kind == "interim" else period  # of a period that runs, as of now
    taken = discounts(catalog, customer, subscriptions, lines, held, calendar, sums=kind != "interim")
    taken += brought
    listed, reason = tax_list(catalog, customer, seller, period), set_aside(customer)
    rows, added = all_taxes(lines, listed, reason)
    total = sum(line.left for line in lines) + added
    credits = pay(world.grants, account.customer, total, period[1] - 1, lines) if total > 0 else []
    paid = sum(int(row["amount"].replace(".", "")) for row in credits)
    paper = "credit note" if total < 0 else "debit note" if kind == "note" else "invoice"
    sealed = Paper(
        customer=account.customer,
        kind=kind,
        sequence=1 + sum(1 for each in world.papers if _same(each, account, kind)),
        period=period,
        number=world.number(seller.get("number_series", "INV") + SERIES[paper]),
        currency=customer["currency"],
        due_date=str(local_date(at, customer["zone"]) + timedelta(days=customer.get("terms_days", 30))),
        sealed_at=at,
        cutoff=cutoff,
        lines=lines,
        total=total,
        discounts=taken,
        taxes=rows,
        credits=credits,
        due=total - paid,
        paper=paper,
        taxed=listed,
        tax_reason=reason,
        tax_total=added,
        open=total - paid,
        waivers=waivers(world, period),
    )
    world.papers.append(sealed)
    _put_against(world, sealed)
    return sealed


def _put_against(world: World, sealed: Paper) -> None:
    """What a paper below zero corrects and nobody has paid yet is owed no more; only the rest is owed to the
    customer."""
    named = [each["invoice"] for line in sealed.lines for each in line.earlier]
    named += [
        line.correction["original"].split(":")[0]
        for line in sealed.lines
        if line.correction and "original" in line.correction
    ]
    for number in dict.fromkeys(named):
        (paper,) = [each for each in world.papers if each.number == number]
        applied = min(paper.open, -sealed.total - sealed.applied) if sealed.total < 0 else 0
        if applied > 0:
            paper.open -= applied
            sealed.applied += applied
            parts = [("customer-balance", applied), ("receivable", -applied)]
            world.movements.append((sealed.customer, sealed.currency, parts))


def _same(paper: Paper, account: Account, kind: str) -> bool:
    return (paper.customer, paper.period, paper.kind) == (account.customer, account.period, kind)


def all_taxes(lines: Sequence[Line], listed: list[Document], reason: str | None) -> tuple[list[Printed], int]:
    """The paper's own first, then those of each period that is corrected under other taxes."""
    groups: list[tuple[list[Document], str | None, list[Line]]] = [(listed, reason, [])]
    for line in lines:
        wanted = (listed, reason) if line.taxes is None else (line.taxes, line.tax_reason)
        group = next((each for each in groups if (each[0], each[1]) == wanted), None)
        if group is None:
            group = (*wanted, [])
            groups.append(group)
        group[2].append(line)
    rows, added = [], 0
    for taxed, why, mine in groups:
        found, more = taxes(taxed, mine, why)
        rows += found
        added += more
    return rows, added
