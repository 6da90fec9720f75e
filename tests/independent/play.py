"""Plays the steps of a scenario.toml in the second system, and says what must have come out."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.independent import disputes, play_rules, shifts, unbilled
from tests.independent.billing import close, content, draft_of
from tests.independent.corrections import find_corrections
from tests.independent.credits import credit_line
from tests.independent.documents import FAR, Catalog
from tests.independent.instants import instant, text
from tests.independent.log import Log
from tests.independent.numbers import minor, money_text, quantity_text
from tests.independent.policy import Signed
from tests.independent.review import by_hand, redraft, say
from tests.independent.shapes import number
from tests.independent.totals import Line
from tests.independent.wallet import Grant
from tests.independent.world import Paper, World

Told = dict[str, Any]

POLICY: Told = {"cadence": "monthly", "grace_hours": 24}
"""That of a story without one of its own, in force from its start."""
SHIPPED = Path(__file__).parents[2] / "src" / "tieout" / "contract" / "shipped"
"""Fee tables are data, which a customer names and reads like we do."""


class NotCovered(Exception):
    """The second system does not know what a step asks for."""


def play(folder: Path) -> World:
    told = tomllib.loads((folder / "scenario.toml").read_text())
    world = World(Catalog(), Log())
    world.catalog.add(folder / "catalog")
    if told.get("programs"):
        world.catalog.add(SHIPPED)
    own = folder / "policy.toml"
    if own.is_file():
        _sign(world, own, instant(told["starts_at"]))
    else:
        world.policies.append(Signed(POLICY, instant(told["starts_at"])))
    for step in told["step"]:
        for word in step:
            if word in STEPS:
                STEPS[word](world, folder, step)
            elif word not in ARGUMENTS:
                raise NotCovered(word)
    return world


def _sign(world: World, file: Path, at: int) -> None:
    document = tomllib.loads(file.read_text())["policy"][0]
    world.policies.append(Signed(document, max(at, instant(document["effective_from"]))))


def _read(world: World, folder: Path, step: Told) -> None:
    counts = world.log.read(folder / "events" / step["read"], instant(step["at"]))
    assert counts == (step["accepted"], step["duplicate"]), counts


def _amend(world: World, folder: Path, step: Told) -> None:
    told = step["amend"]
    world.log.retract((told["source"], told["id"]))
    world.log.read(folder / "events" / told["with"], instant(step["at"]))


def _apply(world: World, folder: Path, step: Told) -> None:
    world.catalog.add(folder / step["apply"])


def _grant(world: World, _folder: Path, step: Told) -> None:
    told = step["wallet"]
    if "grant" not in told:
        return
    currency = world.catalog.last("customer", told["customer"])["currency"]
    world.grants.append(
        Grant(
            told["grant"],
            told["customer"],
            told["kind"],
            minor(number(told, "amount"), currency),
            told.get("priority", 100),
            instant(told.get("effective", step["at"])),
            instant(told["expires"]) if "expires" in told else FAR,
            tuple(told.get("prices", ())),
        )
    )


def _close(world: World, _folder: Path, step: Told) -> None:
    papers = close(world, instant(step["at"]), step.get("customers"))
    assert len(papers) == step.get("sealed", len(papers)), papers
    held = [
        (told["customer"], told["start"]) for told in step.get("outcomes", []) if told["outcome"] == "held"
    ]
    found = [(customer, text(period[0])) for customer, period in world.waits]
    assert "outcomes" not in step or held == found, found


def _breaks(world: World, _folder: Path, step: Told) -> None:
    """Those of the ties that it finds by itself; words only where it has some."""
    ties = {shifts.TIE, unbilled.TIE}
    told = [each for each in step["breaks"] if each["tie"] in ties]
    found = [
        {name: row[name] for name in each if name in row}
        for row, each in zip(world.found, told, strict=False)
    ]
    assert len(world.found) == len(told), world.found
    assert found == [
        {name: value for name, value in each.items() if name != "found" or each["tie"] == shifts.TIE}
        for each in told
    ], world.found


def _close_alerts(world: World, _folder: Path, step: Told) -> None:
    shifts.close_alerts(world, step["close_alerts"]["kinds"])


def _sign_next(world: World, folder: Path, step: Told) -> None:
    _sign(world, folder / step["sign"], instant(step["at"]))


def _approve(world: World, _folder: Path, step: Told) -> None:
    meter = step["approve"]
    world.signed_meters[meter] = world.signed_meters.get(meter, 0) + 1


def _draft(world: World, _folder: Path, step: Told) -> None:
    told, at = step["draft"], instant(step["at"])
    account = draft_of(world, told["customer"], at)
    key = (account.customer, account.period)
    if told["does"] == "redraft":
        hours = account.policy.document["review_hours"]
        head = world.log.places
        redraft(
            world.drafts,
            key,
            hours,
            at,
            head,
            lambda position: content(world, account, position),
            told["by"],
        )
    else:
        say(world.drafts[key], told)


def _line_by_hand(world: World, _folder: Path, step: Told) -> None:
    if "approved_by" in step["line"]:
        world.by_hand.append(by_hand(step["line"], f"manual/{len(world.by_hand)}"))


def _correct(world: World, folder: Path, step: Told) -> None:
    """A price version that supersedes another holds from the same instant, and comes after it."""
    told = step["correct"]
    if "catalog" in told:
        world.catalog.add(folder / told["catalog"])
    periods = 0
    for customer in told.get("customers", world.catalog.keys("customer")):
        found = find_corrections(world, customer, world.log.places)
        periods += len(found)
        if found:
            world.approved[customer] = world.log.places
    assert periods == told["periods"], periods


def _retract(world: World, _folder: Path, step: Told) -> None:
    world.log.retract((step["retract"]["source"], step["retract"]["id"]))


def _pay(world: World, _folder: Path, step: Told) -> None:
    """An invoice is paid; what is more than it owes is the customer's."""
    told = step["payment"]
    (paper,) = [each for each in world.papers if each.number == told["invoice"]]
    paid = minor(number(told, "amount"), paper.currency)
    applied = min(paid, paper.open)
    paper.open -= applied
    parts = [("clearing", paid), ("receivable", -applied), ("customer-balance", applied - paid)]
    world.movements.append((paper.customer, paper.currency, parts))


def _void(world: World, _folder: Path, step: Told) -> None:
    """It keeps its number; its period is due again, and what replaces it says so."""
    (paper,) = [each for each in world.papers if each.number == step["void"]["invoice"]]
    paper.voided = True
    asked = {id(line.charge) for line in paper.lines}
    for key, advances in world.advances.items():  # fees for times to come were never asked then
        world.advances[key] = [each for each in advances if id(each.charge) not in asked]
    for done in world.billed.values():
        done[:] = [each for each in done if each.period != paper.period]


def _credit(world: World, _folder: Path, step: Told) -> None:
    """An amount of one line is given back, with the tax that it bore."""
    told = step["credit"]
    (paper,) = [each for each in world.papers if each.number == told["invoice"]]
    credit_line(world, paper, told, instant(step["at"]))


def _dispute(world: World, _folder: Path, step: Told) -> None:
    for told in step["dispute"]:
        disputes.play(world, told, instant(step["at"]))


def _owed(world: World, _folder: Path, step: Told) -> None:
    for named, told in step["owed"].items():
        (paper,) = [each for each in world.papers if each.number == named]
        assert disputes.owed(world, paper) == told, named


def _lock(_world: World, _folder: Path, _step: Told) -> None:
    """A lock says where an entry is booked, not what it is."""


def _state(world: World, _folder: Path, step: Told) -> None:
    told = step["state"]
    world.stated[told["source"], told["id"]] = told


def _waive(world: World, _folder: Path, step: Told) -> None:
    """Finance, ops and engineering have signed exactly this difference."""
    told = step["waive"]
    stated = world.stated.pop((told["source"], told["id"]))
    world.waived.append({**stated, "reason": told["reason"]})


STEPS: dict[str, Callable[[World, Path, Told], None]] = {
    "read": _read,
    "amend": _amend,
    "apply": _apply,
    "wallet": _grant,
    "close": _close,
    "sign": _sign_next,
    "approve": _approve,
    "correct": _correct,
    "retract": _retract,
    "payment": _pay,
    "lock": _lock,
    "void": _void,
    "credit": _credit,
    "dispute": _dispute,
    "owed": _owed,
    "state": _state,
    "waive": _waive,
    "draft": _draft,
    "line": _line_by_hand,
    "breaks": _breaks,
    "close_alerts": _close_alerts,
    **play_rules.STEPS,
}
ARGUMENTS = {
    "closers",
    "at",
    "accepted",
    "duplicate",
    "sealed",
    "unpriced",
    "buckets",
    "customers",
    "outcomes",
}


def invoices(world: World) -> list[Told]:
    """As scenario.toml tells them: by customer, period and number."""
    order = sorted(world.papers, key=lambda paper: (paper.customer, paper.period, paper.number))
    return [_invoice(paper) for paper in order]


def _invoice(paper: Paper) -> Told:
    return {
        "customer": paper.customer,
        "currency": paper.currency,
        "number": paper.number,
        "kind": paper.kind,
        "paper": paper.paper,
        "replaces": paper.replaces,
        "waivers": paper.waivers,
        "sequence": paper.sequence,
        "start": text(paper.period[0]),
        "end": text(paper.period[1]),
        "due_date": paper.due_date,
        "total": money_text(paper.total, paper.currency),
        "discounts": paper.discounts,
        "taxes": paper.taxes,
        "credits": paper.credits,
        "due": money_text(paper.due, paper.currency),
        "lines": [_line(line, paper.currency) for line in paper.lines],
    }


def _line(line: Line, currency: str) -> Told:
    charge = line.charge
    metered = {"quantity": quantity_text(line.quantity), "unit": charge.unit}
    return {
        "description": charge.words,
        "meter": charge.meter,
        **(metered if charge.meter else {"quantity": None, "unit": None}),
        "program": charge.program,
        "times": quantity_text(line.quantity),
        "amount": money_text(line.amount, currency),
        "start": text(charge.part[0]),
        "end": text(charge.part[1]),
        "earlier": line.earlier,
        "correction": line.correction,
    }
