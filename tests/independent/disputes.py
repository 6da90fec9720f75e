"""What is disputed waits, the rest stays due, and what is found right is given back on a note. By hand: of a
line its amount and the tax that goes with it; of a whole invoice what was said."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tests.independent.credits import credit_line
from tests.independent.numbers import minor, money_text, rounded
from tests.independent.shapes import number
from tests.independent.totals import Line
from tests.independent.world import Paper, World

Told = dict[str, Any]
KINDS = {"service": "goodwill"}
"""How what is given back counts; every other type is a billing error."""
TO = {"data": "engineering", "workflow": "engineering"}
"""Who decides; every other type goes to ops."""


@dataclass
class Dispute:
    paper: Paper
    line: str | None
    type: str
    amount: int
    with_tax: int
    is_open: bool = True
    is_held: bool = False


def play(world: World, told: Told, at: int) -> None:
    """Refusals change nothing, so they are only checked for having a reason that follows from the story."""
    does = told["does"]
    if does == "owners":
        world.owners = {role: told[role] for role in ("ops", "engineering", "finance")}
        return
    if does == "open":
        (paper,) = [each for each in world.papers if each.number == told["invoice"]]
        amount = minor(number(told, "amount"), paper.currency)
        room = _room(world, paper, told.get("line"))
        assert (amount > room) == (told.get("refused") == "dispute-above-due"), (amount, room)
        if "refused" in told:
            return
        with_tax = amount + _tax(paper, told.get("line"), amount)
        assert told["with_tax"] == money_text(with_tax, paper.currency)
        roles = ["ops", "engineering"] if told["type"] in TO else ["ops"]
        assert told["owned_by"] == {role: world.owners[role] for role in roles}
        world.disputes[told["name"]] = Dispute(paper, told.get("line"), told["type"], amount, with_tax)
        return
    found = world.disputes[told["name"]]
    currency = found.paper.currency
    if does == "isolate":
        assert told["owned_by"] == {role: world.owners[role] for role in ("engineering", "ops")}
        found.is_held = True
    elif does == "release":
        assert [told["by"], told["agreed_by"]] == [world.owners["engineering"], world.owners["ops"]]
        found.is_held = False
    elif does == "message":
        world.tell("customer.dispute.message")
    elif does == "reopen":
        found.is_open = True
    elif does == "decide":
        assert found.is_held == (told.get("refused") == "dispute-no-such-move")
        if "refused" not in told:
            _decide(world, found, told, at, currency)


def _decide(world: World, found: Dispute, told: Told, at: int, currency: str) -> None:
    outcome = told["outcome"]
    who = "ops" if outcome == "withdrawn" else TO.get(found.type, "ops")
    assert told["by"] == world.owners[who]
    found.is_open = False
    if outcome not in ("upheld", "partly-upheld"):
        assert told["notes"] == []
        return
    assert told["approved_by"] == world.owners["finance"]
    given = told.get("lines") or {
        found.line: told.get("amount") or money_text(found.amount, currency),
    }
    notes = [
        credit_line(
            world,
            found.paper,
            {
                "line": line,
                "amount": Fraction(amount),
                "kind": KINDS.get(found.type, "billing-error"),
                "to": told.get("to", "balance"),
            },
            at,
        )
        for line, amount in given.items()
    ]
    assert [each.number for each in notes] == told["notes"]
    if outcome == "upheld":
        assert -sum(each.total for each in notes) == found.with_tax


def owed(world: World, paper: Paper) -> list[str]:
    """What is open of it, what of that is disputed, and what may be asked for."""
    waits = sum(each.with_tax for each in _open(world, paper))
    amounts = (paper.open, waits, max(paper.open - waits, 0))
    return [money_text(each, paper.currency) for each in amounts]


def _open(world: World, paper: Paper) -> list[Dispute]:
    return [each for each in world.disputes.values() if each.paper is paper and each.is_open]


def _room(world: World, paper: Paper, line: str | None) -> int:
    """What is left of the line, or of the whole, beyond what is disputed already."""
    if line is not None:
        mine = _line(paper, line)
        before = sum(each.amount for each in _open(world, paper) if each.line == line)
        return mine.left - mine.credited - before
    given = sum(
        -each.total
        for each in world.papers
        if each.kind == "note" and each.paper == "credit note" and each.period == paper.period
    )
    return paper.total - given - sum(each.with_tax for each in _open(world, paper))


def _tax(paper: Paper, line: str | None, amount: int) -> int:
    """Of a line alone on its invoice: its part of each tax, to the cent."""
    if line is None or not paper.taxes:
        return 0
    (only,) = paper.lines
    whole = [rounded(Fraction(each["amount"]) * 100) for each in paper.taxes]
    return sum(rounded(Fraction(tax * amount, only.left)) for tax in whole)


def _line(paper: Paper, place: str) -> Line:
    return paper.lines[int(place) - 1]
