"""What the sealed document says of seller, customer, policy, prices, coupons and taxes, held against the
catalog's texts that it names by digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from tieout.evidence.verify.days import days_after
from tieout.evidence.verify.pack import Members, Pack
from tieout.evidence.verify.working import STANDARD, fraction
from tieout.kernel.instant import parse_instant

FILE = "invoice/document.json"
SUFFIXES = {"invoice": "", "credit note": "-CN", "debit note": "-DN"}
"""Of the series of each kind of paper."""
KINDS = ("final", "interim", "note")
TERMS_DAYS, SERIES = 30, "INV"
"""Where the profile of the customer, or the seller, states none."""


def check_parties(pack: Pack, document: Members) -> None:
    """Seller, customer, policy and what follows from them: zone, terms, the day when it is due, series."""
    report = pack.report
    customer, seller = document["customer"], document["seller"]
    facts = [
        *_profile(pack, "customer", customer, customer["id"]),
        *_profile(pack, "seller", seller, seller["key"]),
    ]
    said = pack.by_digest.get(customer["digest"], {})
    days = said.get("terms_days", TERMS_DAYS)
    facts += [
        ("customer's currency", said.get("currency"), document["currency"]),
        ("customer's seller", said.get("seller"), seller["key"]),
        ("customer's zone", said.get("zone"), document["period"]["zone"]),
        ("purchase order", said.get("purchase_order"), document["purchase_order"]),
        (
            "terms",
            {"days": days, "text": f"net {days} days" if days else "due on receipt"},
            document["terms"],
        ),
        (
            "seller's series",
            pack.by_digest.get(seller["digest"], {}).get("number_series", SERIES),
            document["series"],
        ),
    ]
    report.compare(FILE, facts)
    if type(document["terms"]["days"]) is not int:
        raise TypeError("terms are no number of days")
    issued = parse_instant(document["issued_at"])
    due = days_after(issued, document["period"]["zone"], document["terms"]["days"])
    if document["due_date"] not in due:
        report.add(FILE, "due date", " or ".join(due), document["due_date"])
    _check_name(pack, document)
    _check_policy(pack, document["policy"])


def _profile(pack: Pack, what: str, printed: Members, key: str) -> list[tuple[str, object, object]]:
    said = named(pack, what, printed["digest"], key, printed["version"])
    facts: list[tuple[str, object, object]] = [
        (f"{what}'s {name}", said.get(name), printed[name]) for name in ("name", "tax_id", "email")
    ]
    return [*facts, (f"{what}'s address", said.get("address", []), printed["address"])]


def named(pack: Pack, kind: str, digest: object, key: str, version: int) -> Members:
    """The catalog's text of that name, which must have that digest; empty where there is none, which is in
    the report."""
    found = pack.by_digest.get(digest) if isinstance(digest, str) else None
    if found is None or pack.documents.get((kind, key, version)) is not found:
        pack.report.add(
            FILE, f"{kind} {key}", f"version {version} in documents/ with digest {digest}", "none"
        )
        return {}
    return found


def _check_name(pack: Pack, document: Members) -> None:
    """Which paper it is, and in which series it is numbered."""
    negative = fraction(document["total"]) < 0
    paper = "credit note" if negative else "debit note" if document["kind"] == "note" else "invoice"
    series, _, ordinal = document["number"].rpartition("-")
    pack.report.compare(
        FILE,
        [
            ("paper", paper, document.get("paper", "invoice")),
            ("series of its number", f"{document['series']}{SUFFIXES[paper]}", series),
        ],
    )
    if document["kind"] not in KINDS:
        pack.report.add(FILE, "kind", " or ".join(KINDS), document["kind"])
    if not (ordinal.isascii() and ordinal.isdigit()) or ordinal != f"{int(ordinal):06d}":
        pack.report.add(FILE, "number", "a series and an ordinal", document["number"])
    if document["sequence"] < 1:
        pack.report.add(FILE, "sequence", "1 or more", document["sequence"])


def _check_policy(pack: Pack, printed: Members) -> None:
    said = named(pack, "policy", printed["digest"], printed["key"], printed["version"])
    pack.report.compare(
        FILE, [("small team exception", said.get("small_team_exception"), printed["small_team_exception"])]
    )


def check_amounts_named(pack: Pack, document: Members) -> None:
    """Coupons and taxes, by what the catalog says of them."""
    for each in document.get("discounts", []):
        said = named(pack, "coupon", each["coupon_digest"], each["coupon"], each["coupon_version"])
        percent = _exact(each, "percent")
        stated = _exact(said, "percent") if percent is not None or each["stated"] is not None else None
        pack.report.compare(
            FILE,
            [
                (f"discount {each['name']}: percent", stated, percent),
                (
                    f"discount {each['name']}: begins with the coupon's name",
                    True,
                    each["name"].startswith(said.get("name", "")),
                ),
            ],
        )
    for each in document.get("taxes", []):
        said = named(pack, "tax", each["digest"], each["reference"], each["version"])
        pack.report.compare(
            FILE,
            [
                (f"tax {each['name']}: {name}", said.get(name, default), each[name])
                for name, default in (
                    ("name", None),
                    ("jurisdiction", None),
                    ("inclusive", False),
                    ("compound", False),
                )
            ],
        )


def _exact(said: Mapping[str, object], name: str) -> Fraction | None:
    text = said.get(name)
    return fraction(text) if isinstance(text, str) else None


def check_line_named(pack: Pack, file: str, printed: Members) -> None:
    """The price of a line, and the program that it stands under."""
    price = pack.by_digest.get(printed["price_digest"])
    facts: list[tuple[str, object, object]] = []
    if price is not None:
        facts += [
            (
                "price: tax category",
                price.get("tax_category", STANDARD),
                printed.get("tax_category", STANDARD),
            ),
        ]
    program = printed.get("program")
    if program is not None:
        said = named(pack, "program", program["digest"], program["key"], program["version"])
        facts += [
            (f"program: {name}", said.get(name), program[name])
            for name in ("name", "provider", "source", "as_of", "charged_to")
        ]
    pack.report.compare(file, facts)


def check_catalog(pack: Pack, lines: Iterable[Members]) -> None:
    """Sorted, each once; with the plan and the subscription of each line."""
    found = [(each["kind"], each["key"], each["version"]) for each in pack.json("documents.json")]
    pack.report.compare("documents.json", [("order", sorted(set(found)), found)])
    subscriptions = {key for kind, key, _ in found if kind == "subscription"}
    for line in lines:
        if ("plan", line["plan"], line["plan_version"]) not in found:
            plan = f"plan {line['plan']}"
            pack.report.add("documents.json", plan, f"version {line['plan_version']}", "none")
        if line["subscription"] not in subscriptions:
            pack.report.add("documents.json", f"subscription {line['subscription']}", "there", "none")
