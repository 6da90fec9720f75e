"""An amount of one line is given back on a note of its own, with the tax that the line bore: as goodwill, or
because it was billed wrongly."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

from tests.independent.numbers import digits
from tests.independent.policy import governing
from tests.independent.seal import seal
from tests.independent.totals import Line
from tests.independent.world import Account, Paper, World


def credit_line(world: World, paper: Paper, told: dict[str, Any], at: int) -> Paper:
    """What of it the invoice still owes is owed no more; the rest is the customer's, or is paid back. Without
    an amount it is all that is left of the line."""
    line = paper.lines[int(told["line"]) - 1]
    amount = told.get("amount", Fraction(line.left - line.credited, 10 ** digits(paper.currency)))
    charge = replace(
        line.charge,
        amount=-Fraction(amount),
        quantity=Fraction(1),
        meter=None,
        unit=None,
        events=(),
        kind=told["kind"],
        words=f"Credit: {line.charge.words}",
    )
    line.credited -= charge.settled
    given = Line(charge, charge.settled, Fraction(1), corrects=paper.period)
    given.taxes, given.tax_reason = paper.taxed, paper.tax_reason
    given.correction = {
        "original": f"{paper.number}: {line.charge.words}",
        "causes": ["a credit that was agreed" if told["kind"] == "goodwill" else "a billing error"],
    }
    policy = governing(world.policies, paper.period[0])
    assert policy is not None
    subscriptions = tuple(
        (subscription, paper.period) for subscription in world.catalog.subscriptions_of(paper.customer)
    )
    account = Account(paper.customer, paper.period, subscriptions, policy)
    note = seal(world, account, [given], at, paper.cutoff, kind="note")
    if told.get("to", "balance") == "refund":
        rest = -note.total - note.applied
        world.movements.append(
            (paper.customer, paper.currency, [("customer-balance", rest), ("clearing", -rest)])
        )
    return note
