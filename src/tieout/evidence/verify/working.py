"""A line against its evidence: usage to quantity, working to amount, amount to money, and all of it to what
the sealed document prints.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from hashlib import sha256
from typing import Any

from tieout.evidence.verify.aggregates import atoms
from tieout.evidence.verify.pack import Members, Pack, json_as_written
from tieout.evidence.verify.usage import Usage, converted
from tieout.kernel.canonical import canonical_json
from tieout.kernel.errors import TieoutError
from tieout.kernel.money import CURRENCIES
from tieout.kernel.quantity import Quantity

ATOMS = 10**12
COUNTED = ("groups", "opening")
PLACES_MAX = 12
STANDARD = "standard"
"""The tax category of a price that states none, and of a line on papers from before there were any."""
NOT_BY_UNIT = frozenset({"event", "dynamic", "withdrawn", "flat", "flat-prorated"})
"""Rules whose steps do not go through the units of the usage."""
SHARED = ("flat-prorated",)
"""Rules whose steps price a share of the period, which their words state."""
RATED = ("per-unit", "tier-", "volume", "percentage", "matrix")
"""Rules whose steps price the usage itself: quantity times rate."""


def check_line(
    pack: Pack, line_id: str, printed: Members, document: Members, usages: Mapping[str, Usage]
) -> None:
    """`printed`: the line as the sealed document has it."""
    file, report = f"lines/{line_id}.json", pack.report
    said = pack.json(file)
    line, charge = said["line"], said["charge"]
    minor = CURRENCIES[document["currency"]].exponent
    report.compare(file, _printed_facts(said, printed, minor))
    report.compare(file, _usage_facts(said, printed, usages))
    _check_steps(pack, file, charge)
    earlier = line["earlier"] or []
    settled = rounded(fraction(charge["amount"]) * 10**minor, printed["rounding"])
    report.compare(
        file,
        [
            ("amount", settled - sum(each["minor"] for each in earlier), line["amount_minor"]),
            (
                "quantity",
                str(Quantity(atoms(charge["quantity"]) - sum(atoms(each["quantity"]) for each in earlier))),
                line["quantity"],
            ),
        ],
    )
    _check_price(pack, file, charge, printed)
    kind = _kind(said)
    if kind is not None:
        report.not_derived.append(f"{file}: {kind}")


def _printed_facts(said: Members, printed: Members, minor: int) -> list[tuple[str, object, object]]:
    line, charge = said["line"], said["charge"]
    return [
        ("id", printed["id"], line["id"]),
        ("charge id", charge["id"], line["charge"]),
        ("description", printed["description"], line["description"]),
        ("printed quantity", printed["quantity"], line["quantity"]),
        ("printed unit", printed["unit"], line["unit"]),
        ("printed amount", fraction(printed["amount"]) * 10**minor, Fraction(line["amount_minor"])),
        ("printed exact amount", printed["exact_amount"], charge["amount"]),
        ("printed working", printed["steps"], charge["steps"]),
        ("printed price", _names(printed, "price"), _names(charge, "price")),
        ("printed price digest", printed["price_digest"], charge["price_digest"]),
        ("printed plan", _names(printed, "plan"), _names(charge, "plan")),
        ("printed segment", printed["segment"], charge["segment"]),
        ("printed subscription", printed["subscription"], charge["subscription"]),
        ("printed group", printed.get("group"), charge["grouped_by"]),
        ("printed correction", printed.get("correction"), line["correction"]),
        ("printed settlement", printed.get("settlement"), said["settlement"]),
        ("meter", printed["meter"], line["meter"]),
        ("usage", printed["snapshot"] is None, said["usage"] is None),
        ("earlier lines at all", "earlier" in printed, line["earlier"] is not None),
        ("earlier lines", [_earlier(each) for each in printed.get("earlier", [])], _earlier_of(line, minor)),
    ]


def _names(said: Members, what: str) -> tuple[object, object]:
    return said[what], said[f"{what}_version"]


def _earlier(each: Members) -> tuple[object, ...]:
    return each["line"], each["invoice"], each["number"], each["quantity"], fraction(each["amount"])


def _earlier_of(line: Members, minor: int) -> list[tuple[object, ...]]:
    return [
        (each["line"], each["invoice"], each["number"], each["quantity"], Fraction(each["minor"], 10**minor))
        for each in line["earlier"] or ()
    ]


def _usage_facts(
    said: Members, printed: Members, usages: Mapping[str, Usage]
) -> list[tuple[str, object, object]]:
    """The printed snapshot is the one that was counted, and the charge's quantity is its, or its group's."""
    usage, charge, shown = usages.get(said["usage"] or ""), said["charge"], printed["snapshot"]
    if usage is None and said["usage"] is not None:
        return [("usage", "a folder of the pack with its events", said["usage"])]
    if usage is None or shown is None:
        return []
    stated = usage.stated
    names = ("meter", "meter_version", "meter_digest", "period", "watermark", "quantity", "event_count")
    facts: list[tuple[str, object, object]] = [
        (f"printed usage, {name}", shown[name], stated[name])
        for name in (*names, "excluded_count", "fingerprint")
    ]
    retracted = shown.get("retracted_count", 0)  # papers from before there were retractions say nothing
    facts.append(("printed usage, retracted_count", retracted, stated["retracted_count"]))
    conversion = stated["conversion"]
    facts += [
        ("period of the usage", charge["segment"], stated["period"]),
        ("subscription of the usage", charge["subscription"], stated["subscription"]),
        ("printed usage, breakdown", shown.get("breakdown"), stated["breakdown"]),
        ("printed usage, conversion", shown.get("conversion"), conversion),
        ("printed usage, unit", shown.get("unit"), None if conversion is None else stated["unit"]),
        *((f"printed usage, {name}", _counted(stated[name]), _told(shown.get(name))) for name in COUNTED),
    ]
    if charge["grouped_by"]:
        measured = usage.atoms_of_group(charge["grouped_by"])
    else:
        measured = atoms(stated["quantity"])
    billed = converted(Fraction(measured, ATOMS), conversion)
    if conversion is None:
        facts.append(("charged quantity", str(Quantity(measured)), charge["quantity"]))
    elif not _has_groups(stated):
        places = conversion["places"]
        if not 0 <= places <= PLACES_MAX:
            raise ValueError(f"a quantity has no {places} places")
        whole = rounded(billed * 10**places, conversion["rounding"]) * 10 ** (12 - places)
        facts.append(("charged quantity", str(Quantity(whole)), charge["quantity"]))
    return facts


def _counted(records: Any) -> object:
    """As a document says it: how many there are, and the digest of all of them."""
    if records is None:
        return None
    text = canonical_json(json_as_written(json.dumps(records)))
    return len(records), sha256(text.encode()).hexdigest(), records


def _told(shown: Members | None) -> object:
    """Where the document has them in full, these too."""
    return None if shown is None else (shown["count"], shown["sha256"], shown.get("records"))


def _has_groups(stated: Members) -> bool:
    """Then each group is converted and rounded for itself."""
    return bool(stated["groups"])


def _check_steps(pack: Pack, file: str, charge: Members) -> None:
    """Where a step has a quantity and a rate, its amount is their product; all of them are the charge."""
    total = Fraction(0)
    for place, step in enumerate(charge["steps"], 1):
        amount = fraction(step["amount"])
        total += amount
        if step["quantity"] is not None and step["rate"] is not None and step["rule"] not in SHARED:
            product = fraction(step["quantity"]) * fraction(step["rate"])
            pack.report.compare(file, [(f"step {place} ({step['rule']})", product, amount)])
    pack.report.compare(file, [("charge: the steps add up", total, fraction(charge["amount"]))])


def _check_price(pack: Pack, file: str, charge: Members, printed: Members) -> None:
    """The price's text is in the pack, says what the line says of it, and states the rates that were used."""
    price = pack.by_digest.get(charge["price_digest"])
    if price is None or price is not pack.document("price", charge["price"], charge["price_version"]):
        return
    effective = charge["price_effective_from"]
    pack.report.compare(
        file,
        [
            ("price: currency", price["currency"], _currency_of(pack)),
            ("price: meter", price.get("meter"), printed["meter"]),
            ("price: effective", price["effective_from"], effective),
            *_unit_facts(price, charge, printed["snapshot"]),
            ("price: rounding", price.get("rounding", "half_away_from_zero"), printed["rounding"]),
        ],
    )
    rates = _rates(price)
    for place, step in enumerate(charge["steps"], 1):
        rated = any(step["rule"].startswith(rule) for rule in RATED)
        if rated and step["rate"] is not None and not charge["terms"] and fraction(step["rate"]) not in rates:
            known = ", ".join(map(str, sorted(rates)))
            pack.report.add(
                file, f"rate of step {place} ({step['rule']})", f"one of the price's: {known}", step["rate"]
            )


def _unit_facts(price: Members, charge: Members, usage: object) -> list[tuple[str, object, object]]:
    """Where a price rates the usage of a line together, every unit has a step, free ones too."""
    rules = {step["rule"] for step in charge["steps"]}
    together = price.get("rate_by", "line") == "line" and price.get("tier_split") in (None, "restart")
    if usage is None or not together or not rules or rules & NOT_BY_UNIT:
        return []
    told = [atoms(step["quantity"]) for step in charge["steps"] if step["quantity"] is not None]
    return [("units of the steps", charge["quantity"], str(Quantity(sum(told))))]


def _currency_of(pack: Pack) -> object:
    return pack.json("invoice/document.json")["currency"]


def _rates(price: Members) -> set[Fraction]:
    """Every number that the price states, by `per` and as a percentage too."""
    numbers = set(_numbers(price))
    minor = 10 ** CURRENCIES[price["currency"]].exponent
    found = {number / divisor for number in numbers for divisor in (1, 100, 100 * minor, *_pers(price))}
    return found | {-each for each in found}


def _pers(value: Any) -> list[Fraction]:
    """How many units the price's amounts are for, wherever it says so."""
    if isinstance(value, Mapping):
        own = [fraction(value["per"])] if isinstance(value.get("per"), str) else []
        return own + [per for each in value.values() for per in _pers(each)]
    return [per for each in value for per in _pers(each)] if isinstance(value, list) else []


def _numbers(value: Any) -> list[Fraction]:
    if isinstance(value, Mapping):
        return [number for each in value.values() for number in _numbers(each)]
    if isinstance(value, list):
        return [number for each in value for number in _numbers(each)]
    try:
        return [fraction(value)] if isinstance(value, str) else []
    except ValueError:
        return []


def _kind(said: Members) -> str | None:
    """Of a line that rests on no events: on what it rests, and that this is not derived again."""
    if said["usage"] is not None:
        return None
    if said["manual_line"] is not None:
        manual = said["manual_line"]
        return f"a line that a person added; its decision ({manual['decision']}) is stated, not signed."
    if said["credited_line"] is not None:
        return f"a credit of line {said['credited_line']}, which is not in this pack."
    if said["charge"]["price"].startswith("commitment/"):
        return "a commitment's line; what was drawn of it in other periods is not in this pack."
    return (
        "it rests on no events: its working adds up; that the fee was due is what the plan in "
        "documents/ says."
    )


def fraction(text: str) -> Fraction:
    """A plain decimal or `n/d`. Raises `ValueError`."""
    numerator, slash, denominator = text.partition("/")
    if slash:
        return Fraction(int(numerator), int(denominator))
    if not text or text.strip("-0123456789.") or "e" in text.lower():
        raise ValueError(f"{text!r} is no exact amount")
    return Fraction(text)


def rounded(exact: Fraction, mode: str) -> int:
    """The whole number that the mode takes for it."""
    below = exact.numerator // exact.denominator
    rest = exact - below
    if not rest:
        return below
    up = {
        "half_away_from_zero": rest > Fraction(1, 2) or (rest == Fraction(1, 2) and exact > 0),
        "half_even": rest > Fraction(1, 2) or (rest == Fraction(1, 2) and below % 2 == 1),
        "up": exact > 0,
        "down": exact < 0,
        "ceiling": True,
        "floor": False,
    }[mode]
    return below + 1 if up else below


def lines_of(document: Members, wanted: Sequence[str]) -> dict[str, Members]:
    """The printed lines by id; of those that are wanted."""
    return {line["id"]: line for line in document["lines"] if line["id"] in set(wanted)}


READING_FAILS = (
    *(ValueError, KeyError, TypeError, IndexError, AttributeError, ArithmeticError, RecursionError),
    TieoutError,
)
"""What a member raises that says something else than a member of format 1 does; it is a break of its own."""
