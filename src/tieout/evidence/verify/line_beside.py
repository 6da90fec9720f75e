"""What a line's member says beside its working: time, terms, program, discounts, what it credits, and what a
person recorded, each held against the sealed document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from hashlib import sha256

from tieout.evidence.verify.pack import Members, Pack
from tieout.evidence.verify.working import STANDARD, fraction
from tieout.kernel.person import is_same_person

CREDIT, MANUAL = "credit/", "manual/"
WITHOUT_A_PRICE = (CREDIT, MANUAL, "commitment/")
"""What begins the price of a line for which the catalog has none."""
Facts = list[tuple[str, object, object]]


def check_line_beside(pack: Pack, line_id: str, printed: Members, document: Members) -> None:
    """`printed`: the line as the sealed document has it."""
    file = f"lines/{line_id}.json"
    said = pack.json(file)
    line, charge = said["line"], said["charge"]
    place = [each["id"] for each in document["lines"]].index(line_id) + 1
    whole = {name: document["period"][name] for name in ("start", "end")}
    program, price = printed.get("program"), str(printed["price"])
    credited = price.removeprefix(CREDIT) if price.startswith(CREDIT) else None
    facts: Facts = [
        ("ordinal", place, line["ordinal"]),
        ("id of that ordinal", f"{document['id']}-{place:03d}", line_id),
        ("charge of that ordinal", f"{document['id']}-c{place:03d}", charge["id"]),
        ("printed period", printed.get("share_of", whole), charge["period"]),
        ("unit of the charge", printed["unit"], charge["unit"]),
        ("printed terms", printed.get("terms"), charge["terms"]),
        (
            "printed program",
            None if program is None else f"{program['key']} v{program['version']}",
            charge["program"],
        ),
        ("shares of discounts", _shares(document, line_id), said["discounts"]),
        ("credited line", credited, said["credited_line"]),
        ("manual line", price.startswith(MANUAL), said["manual_line"] is not None),
        *_cumulative(printed, charge),
    ]
    pack.report.compare(file, facts)
    if price.startswith(WITHOUT_A_PRICE):
        pack.report.compare(file, [("price: effective", None, charge["price_effective_from"])])
    elif pack.by_digest.get(charge["price_digest"]) is None:
        pack.report.add(file, "price", f"a document with digest {charge['price_digest']}", "none")
    else:
        effective = ("printed effective", printed["price_effective_from"], charge["price_effective_from"])
        pack.report.compare(file, [effective])
    if credited is not None and "correction" in printed:
        pack.report.compare(file, [("original line", credited, printed["correction"].get("original_line"))])
    if said["manual_line"] is not None:
        _check_manual(pack, file, said["manual_line"], printed, document)


def _shares(document: Members, line_id: str) -> list[Mapping[str, object]]:
    """What each discount takes off the line."""
    return [
        {
            **{name: discount[name] for name in ("name", "coupon", "coupon_version")},
            "amount": share["amount"],
        }
        for discount in document.get("discounts", [])
        for share in discount["shares"]
        if share["line"] == line_id
    ]


def _cumulative(printed: Members, charge: Members) -> Facts:
    """What the charge comes to with what earlier papers settled of it."""
    said = printed.get("cumulative")
    if said is None:
        return [("earlier lines without a sum", [], printed.get("earlier", []))]
    settled = sum((fraction(each["amount"]) for each in printed["earlier"]), fraction(printed["amount"]))
    return [
        ("cumulative quantity", charge["quantity"], said["quantity"]),
        ("cumulative amount", settled, fraction(said["amount"])),
    ]


def _check_manual(pack: Pack, file: str, manual: Members, printed: Members, document: Members) -> None:
    """The record is the one whose digest stands as the price's, and somebody else approved it."""
    digest = sha256(manual["recorded"].encode()).hexdigest()
    recorded = json.loads(manual["recorded"])
    pack.report.compare(
        file,
        [
            ("recorded line", printed["price_digest"], digest),
            ("recorded line's id", f"{MANUAL}ml_{digest[:16]}", printed["price"]),
            ("recorded customer", document["customer"]["id"], recorded["customer"]),
            ("recorded currency", document["currency"], recorded["currency"]),
            ("recorded description", printed["description"], recorded["description"]),
            ("recorded amount", fraction(printed["exact_amount"]), Fraction(recorded["amount"])),
            ("recorded tax category", printed.get("tax_category", STANDARD), recorded["tax_category"]),
            ("recorded start", document["period"]["start"], recorded["start"]),
            ("recorded end", document["period"]["end"], recorded["end"]),
        ],
    )
    if is_same_person(manual["decided_by"], recorded["by"]):
        pack.report.add(file, "decision", f"by somebody else than {recorded['by']}", manual["decided_by"])
