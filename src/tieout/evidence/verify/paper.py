"""The sealed document's own sums: lines to the subtotal, discounts and taxes to the total, credits to what
is due."""

from __future__ import annotations

from fractions import Fraction

from tieout.evidence.verify.document_form import DOCUMENT
from tieout.evidence.verify.pack import Members, Pack
from tieout.evidence.verify.shapes import check_shape
from tieout.evidence.verify.working import fraction, rounded
from tieout.kernel.money import CURRENCIES

FILE = "invoice/document.json"
FORMATS = ("tieout/invoice/1", "tieout/invoice/2")
WITHOUT_AMOUNTS, _ = FORMATS
"""Of the first, documents knew no discounts, taxes and credits."""
UNDERIVED = {
    "off_cycle": "what of usage, balances and contract made it due before its period was over.",
    "replaces": "which voided papers it replaces.",
    "waivers": "what sources stated, and the signatures over the waivers.",
    "meter_approvals": "the signatures over the changes of meters.",
}


def check_document(pack: Pack, manifest: Members, document: Members) -> None:
    report = pack.report
    if document["format"] not in FORMATS:
        report.add(FILE, "format", " or ".join(FORMATS), document["format"])
    elif document["format"] != WITHOUT_AMOUNTS:
        check_shape(FILE, document, DOCUMENT, report)
    report.compare(
        FILE,
        [
            ("id", manifest["invoice"]["id"], document["id"]),
            ("number", manifest["invoice"]["number"], document["number"]),
            ("status", "sealed", document["status"]),
        ],
    )
    ids = [line["id"] for line in document["lines"]]
    report.compare(
        FILE, [("lines", [f"{document['id']}-{place:03d}" for place in range(1, len(ids) + 1)], ids)]
    )
    lines, discounts, taxes = document["lines"], document.get("discounts", []), document.get("taxes", [])
    subtotal = _total(lines)
    added = sum((_money(tax["amount"]) for tax in taxes if not tax["inclusive"]), Fraction(0))
    total = _money(str(document.get("subtotal", document["total"]))) + _total(discounts) + added
    facts = [("total", total, _money(document["total"]))]
    if "subtotal" in document:
        facts.append(("subtotal", subtotal, _money(document["subtotal"])))
    if "due" in document:
        due = _money(document["total"]) - _total(document["credits"])
        facts.append(("due", due, _money(document["due"])))
    report.compare(FILE, facts)
    _check_shares(pack, lines, discounts)
    _check_plain_discounts(pack, document, discounts)
    _check_taxes(pack, document, taxes)
    report.not_derived += [f"{FILE}: {why}" for name, why in UNDERIVED.items() if name in document]
    report.checked.append(
        f"{len(lines):,} lines come to {document['total']} {document['currency']}, "
        f"{document.get('due', document['total'])} of it due."
    )


def _check_shares(pack: Pack, lines: list[Members], discounts: list[Members]) -> None:
    """Each discount is its shares; what a line comes to after them is what it says."""
    net = {line["id"]: _money(line["amount"]) for line in lines}
    for discount in discounts:
        shares = discount["shares"]
        pack.report.compare(
            FILE, [(f"shares of {discount['name']}", _money(discount["amount"]), _total(shares))]
        )
        for share in shares:
            net[share["line"]] = net.get(share["line"], Fraction(0)) + _money(share["amount"])
    for line in lines:
        if "amount_after_discounts" in line:
            said = _money(line["amount_after_discounts"])
            pack.report.compare(FILE, [(f"line {line['id']} after discounts", net[line["id"]], said)])


def _check_plain_discounts(pack: Pack, document: Members, discounts: list[Members]) -> None:
    """A percentage of its base, rounded once; or what is stated, as far as its base goes. One that looks at
    other papers too is not derived."""
    minor = 10 ** CURRENCIES[document["currency"]].exponent
    for each in discounts:
        name, base = each["name"], _money(each["base"])
        beside = {"given_before", "corrects", "lines_beside"} & set(each)
        if beside or (each["percent"] is None and each["stated"] is None):
            pack.report.not_derived.append(f"{FILE}: discount {name}, which rests on other papers too.")
            continue
        room = max(base, Fraction(0))
        wanted = _money(each["stated"]) if each["percent"] is None else _part(room, each["percent"], minor)
        asked = min(wanted, room)
        pack.report.compare(
            FILE,
            [
                (f"discount {name}: what it comes to", -asked, _money(each["amount"])),
                (f"discount {name}: unused", wanted - asked, _money(each["unused"])),
            ],
        )


def _part(base: Fraction, percent: str, minor: int) -> Fraction:
    return Fraction(rounded(base * fraction(percent) / 100 * minor, "half_away_from_zero"), minor)


def _check_taxes(pack: Pack, document: Members, taxes: list[Members]) -> None:
    """A tax is its percentage of its base, rounded once; of an inclusive one, of what the base contains."""
    minor = 10 ** CURRENCIES[document["currency"]].exponent
    net = {
        line["id"]: _money(str(line.get("amount_after_discounts", line["amount"])))
        for line in document["lines"]
    }
    contained = any(tax["inclusive"] for tax in taxes)
    for tax in taxes:
        known = [line for line in net if line in tax["lines"]]
        pack.report.compare(FILE, [(f"tax {tax['name']}: lines", known, tax["lines"])])
        if not tax["compound"] and not contained:
            on = sum((net[line] for line in known), Fraction(0))
            pack.report.compare(FILE, [(f"tax {tax['name']}: base", on, _money(tax["base"]))])
        percent, base = fraction(tax["percent"]), _money(tax["base"])
        asked = rounded(base * percent / 100 * minor, tax["rounding"])
        said = _money(tax["amount"]) * minor
        if tax["inclusive"] or tax["compound"]:
            pack.report.not_derived.append(f"{FILE}: tax {tax['name']}, which is contained or compound.")
        else:
            pack.report.compare(FILE, [(f"tax {tax['name']}", asked, said)])


def _total(rows: list[Members]) -> Fraction:
    return sum((_money(row["amount"]) for row in rows), Fraction(0))


def _money(text: str) -> Fraction:
    return fraction(text)
