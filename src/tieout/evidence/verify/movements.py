"""The movements of balances that were sealed with a paper, held to what the paper says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

from tieout.evidence.verify.pack import Members, Pack, json_as_written
from tieout.evidence.verify.report import Report
from tieout.evidence.verify.sealed import Paper
from tieout.evidence.verify.working import rounded
from tieout.kernel.canonical import canonical_json
from tieout.kernel.instant import parse_instant

MOVEMENTS = "invoice/movements.json"
OF_COMMITMENTS = ("committed", "drawn", "trued-up", "lapsed", "metered")
BY_PEOPLE = ("reversed", "granted", "voided")
WITH_THE_PERIOD = (*OF_COMMITMENTS, "used", "billed", "earned", "credited", "reversed", "top-up-requested")
"""Kinds that count from the last instant of the paper's period on."""


def check_movements(pack: Pack, document: Members) -> None:
    """The credits that the paper prints are the movements that were recorded with it, and each movement is
    called after what it is of."""
    found = pack.json(MOVEMENTS)
    if not isinstance(found, list):
        raise TypeError("it is no list of movements")
    report, paper = pack.report, Paper(document, found)
    printed = sorted((each["account"], paper.money(each["amount"])) for each in document.get("credits", []))
    used = sorted((each["account"], -each["minor"]) for each in found if each["kind"] == "used")
    report.compare(MOVEMENTS, [("credits used", printed, used)])
    named = {each["id"]: each for each in found}
    report.compare(MOVEMENTS, [("names", len(named), len(found))])
    voided = next((each for each in pack.json("invoice/transitions.json") if each["what"] == "voided"), None)
    for each in found:
        _check_movement(pack, paper, each, named, voided)
    _check_given_back(report, paper)
    if found:
        report.not_derived.append(
            f"{MOVEMENTS}: what the balances were before; only their movements are here."
        )
    if any(each["kind"] in OF_COMMITMENTS for each in found):
        report.not_derived.append(
            f"{MOVEMENTS}: what a commitment was drawn by, and what is left of it: that rests on its term."
        )


def _check_movement(
    pack: Pack, paper: Paper, each: Members, named: Mapping[str, Members], voided: Members | None
) -> None:
    report = pack.report
    name, kind, document = each["id"], each["kind"], paper.document
    report.compare(MOVEMENTS, [(f"{name}: currency", document["currency"], each["currency"])])
    if kind in WITH_THE_PERIOD:
        report.compare(MOVEMENTS, [(f"{name}: effective", paper.last, parse_instant(each["effective_at"]))])
    if kind not in BY_PEOPLE:
        report.compare(MOVEMENTS, [(f"{name}: person", None, each["person"])])
    if kind == "reversed":
        _check_reversed(report, each, named.get(name.removeprefix("reversed/")), voided)
        return
    if kind not in ("billed", "top-up-requested"):
        known = {"contained_minor"} | ({"corrects"} if kind in OF_COMMITMENTS else set())
        if kind not in BY_PEOPLE and not set(each["details"]) <= known:
            report.add(MOVEMENTS, f"{name}: details", " or ".join(sorted(known)), each["details"])
        _check_whole(report, each, "contained_minor")
    if kind == "top-up-requested":
        _check_top_up(pack, paper, each)
    if kind == "billed":
        _check_billed(report, paper, each)
    else:
        wanted = _name(paper, each)
        if wanted is not None and not re.fullmatch(wanted, name):
            report.add(MOVEMENTS, f"{name}: id", wanted, name)
        _check_account(report, paper, each)
        _check_reason(report, paper, each)


def _check_whole(report: Report, each: Members, *names: str) -> None:
    for name in names:
        if name in each["details"] and type(each["details"][name]) is not int:
            report.add(MOVEMENTS, f"{each['id']}: {name}", "a whole number", each["details"][name])


def _name(paper: Paper, each: Members) -> str | None:
    """What its name is like; None for credits that a person grants or takes back, which may be any."""
    kind, account, invoice = each["kind"], re.escape(each["account"]), re.escape(paper.document["id"])
    if kind in OF_COMMITMENTS:
        short = re.escape(each["account"].removesuffix("/metered"))
        corrected = "corrects" in each["details"]
        return f"corrected/{kind}/{invoice}/-?[0-9]+/{account}" if corrected else f"{kind}/{invoice}/{short}"
    if kind in ("earned", "credited"):
        return rf"{kind}/in_[0-9a-f]+-[0-9]+(?:/{invoice})?"
    if kind == "used":
        return rf"used/{invoice}/[0-9]{{4}}/{re.escape(each['account'].removeprefix('wallet/'))}"
    if kind == "top-up-requested":
        return f"{account}/{invoice}"
    return {"granted": r"grant/.+", "voided": r"void/.+", "expired": r"expiry/.+"}.get(kind, "none of these")


def _check_account(report: Report, paper: Paper, each: Members) -> None:
    """The account is of this customer's subscriptions, or a wallet."""
    kind, account, name = each["kind"], each["account"], each["id"]
    subscriptions = {line["subscription"] for line in paper.lines.values()}
    of_line = bool(subscriptions.intersection(account.split("/")[1:2]))
    if kind in ("earned", "credited"):
        right = account.startswith("advance/") and (of_line or kind == "earned")
    elif kind in OF_COMMITMENTS:
        right = account.startswith("commitment/") and account.endswith("/metered") == (kind == "metered")
    elif kind == "top-up-requested":
        right = of_line = account == f"top-up/{paper.document['customer']['id']}"
    else:
        right = of_line = account.startswith("wallet/")
    if not right:
        report.add(MOVEMENTS, f"{name}: account", f"one of what is {kind}", account)
    elif not of_line:
        report.not_derived.append(f"{MOVEMENTS}: whose {account} is; no line is of its subscription.")


def _check_reason(report: Report, paper: Paper, each: Members) -> None:
    kind, parts = each["kind"], each["id"].split("/")
    wanted = {
        "used": f"paid for invoice {paper.document['id']}",
        "earned": f"the time of line {parts[1]} is over",
        "credited": f"billed on line {parts[1]} and not used",
    }.get(kind)
    if wanted is not None:
        report.compare(MOVEMENTS, [(f"{each['id']}: reason", wanted, each["reason"])])
    corrects = each["details"].get("corrects")
    if corrects is not None:
        known = [
            [line["correction"]["period"]["start"], line["correction"]["period"]["end"]]
            for line in paper.lines.values()
            if "correction" in line
        ]
        if corrects not in known:
            report.add(MOVEMENTS, f"{each['id']}: corrects", "a period that a line corrects", corrects)


def _check_top_up(pack: Pack, paper: Paper, each: Members) -> None:
    """It moves nothing, and asks for what the customer's profile says, rounded up."""
    rule = pack.by_digest.get(paper.document["customer"]["digest"], {})["top_up"]
    wanted = {
        f"{name}_minor": rounded(paper.money(str(rule[name])), "up") for name in ("amount", "threshold")
    }
    pack.report.compare(
        MOVEMENTS,
        [(f"{each['id']}: details", wanted, each["details"]), (f"{each['id']}: amount", 0, each["minor"])],
    )


def _check_billed(report: Report, paper: Paper, each: Members) -> None:
    """A fee in advance, as its line prints it."""
    name, said = each["id"], each["details"]
    line = paper.lines.get(name.partition("/")[2])
    if line is None:
        report.add(MOVEMENTS, name, "a line of the paper", "none")
        return
    net = paper.net(line)
    period = line["share_of"] if "share_of" in line else paper.document["period"]
    wanted: dict[str, object] = {
        "line": line["id"],
        **{part: line[part] for part in ("price", "price_version", "plan", "plan_version", "exact_amount")},
        "period": [period["start"], period["end"]],
        "segment": [line["segment"]["start"], line["segment"]["end"]],
        "terms": canonical_json(json_as_written(json.dumps(line["terms"]))) if "terms" in line else None,
    }
    discount = net - paper.money(line["amount"])
    report.compare(
        MOVEMENTS,
        [
            (f"{name}: id", f"billed/{line['id']}", name),
            (f"{name}: account", f"advance/{line['subscription']}", each["account"]),
            (f"{name}: amount", net, Fraction(each["minor"])),
            (f"{name}: reason", f"fee billed in advance on line {line['id']}", each["reason"]),
            (f"{name}: discount", discount, Fraction(said.get("discount_minor", 0))),
            *((f"{name}: {part}", value, said[part]) for part, value in wanted.items()),
        ],
    )
    extra = set(said) - set(wanted) - {"discount_minor", "contained_minor"}
    report.compare(MOVEMENTS, [(f"{name}: details", [], sorted(extra))])
    _check_whole(report, each, "discount_minor", "contained_minor", "price_version", "plan_version")


def _check_reversed(report: Report, each: Members, whole: Members | None, voided: Members | None) -> None:
    """A void takes back a movement of the same paper."""
    name = each["id"]
    if whole is None or voided is None:
        report.add(MOVEMENTS, name, "the void of a movement that is here", "none")
        return
    report.compare(
        MOVEMENTS,
        [
            (f"{name}: id", f"reversed/{whole['id']}", name),
            (f"{name}: account", whole["account"], each["account"]),
            (f"{name}: amount", -whole["minor"], each["minor"]),
            (f"{name}: details", whole["details"], each["details"]),
            (f"{name}: person", voided["person"], each["person"]),
            (f"{name}: reason", voided["reason"], each["reason"]),
        ],
    )


def _check_given_back(report: Report, paper: Paper) -> None:
    """What lines give back of fees in advance is what is credited of them."""
    given = [
        paper.money(line["amount"])
        for line in paper.lines.values()
        if line["snapshot"] is None
        and "correction" not in line
        and any(step["rule"] == "unused-fee" for step in line["steps"])
    ]
    if any(map(paper.is_settled_in_parts, paper.lines.values())):
        report.not_derived.append(f"{MOVEMENTS}: what is given back of fees in advance by several papers.")
        return
    credited: Sequence[int] = [each["minor"] for each in paper.movements if each["kind"] == "credited"]
    report.compare(MOVEMENTS, [("fees given back", sum(given, Fraction(0)), Fraction(sum(credited)))])
