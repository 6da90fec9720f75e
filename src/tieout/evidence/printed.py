"""What the sealed document says, held against the rows stored beside it: the changed row is named.

The document is a witness only with the digest taken when it was sealed; without it, the invoice is blamed and
no row is.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from tieout.evidence.named_document import NONE
from tieout.evidence.reproduced import Difference, Fact, compared
from tieout.evidence.stored import StoredEvidence, StoredSnapshot
from tieout.invoice.earlier import EarlierLine, earlier_text
from tieout.kernel.canonical import JsonNumber, canonical_json
from tieout.kernel.errors import TieoutError
from tieout.kernel.instant import format_instant, parse_instant
from tieout.kernel.money import Money, currency
from tieout.kernel.period import Period
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity

Members = dict[str, Any]  # an object of a JSON text that has not been looked at yet


def printed_differences(stored: StoredEvidence) -> list[Difference]:
    """Every row of the line's evidence that does not say what the invoice says."""
    invoice = stored.invoice
    digest = sha256(invoice.document).hexdigest()
    if digest != invoice.sha256:
        return [Difference("invoice", invoice.number, f"SHA-256 {invoice.sha256}", digest)]
    try:
        document: Members = json.loads(invoice.document)
        place, line = next(
            (place, row)
            for place, row in enumerate(document["lines"], start=1)
            if row["id"] == stored.line.id
        )
        found = compared("invoice", invoice.number, *_invoice(stored, document))
        found += compared("line", stored.line.id, *_line(stored, document, line, place))
        found += compared("charge", stored.charge.id, *_charge(stored, document, line))
        if stored.snapshot is not None and line["snapshot"] is not None:
            found += compared("snapshot", stored.snapshot.id, *_snapshot(stored.snapshot, document, line))
    except (ValueError, KeyError, TypeError, StopIteration, TieoutError) as error:
        why = f"{type(error).__name__}: {error}"
        return [Difference("invoice", invoice.number, "a document with this line", why)]
    return found


def _invoice(stored: StoredEvidence, document: Members) -> tuple[Fact, ...]:
    invoice = stored.invoice
    total = Money(invoice.total_minor, currency(document["currency"]))
    due = None if invoice.due_minor is None else Money(invoice.due_minor, total.currency).decimal_text
    return (
        ("id", document["id"], invoice.id),
        ("number", document["number"], invoice.number),
        ("customer", document["customer"]["id"], invoice.customer),
        ("period", _printed_period(document["period"]), _period(invoice.period)),
        ("series", document["series"], invoice.series),
        ("currency", document["currency"], invoice.currency),
        ("kind", document["kind"], invoice.kind),
        ("sequence", str(document["sequence"]), str(invoice.sequence)),
        ("total", document["total"], total.decimal_text),
        ("due", str(document.get("due")), str(due)),  # absent from documents of format 1
        ("cutoff", str(document["cutoff"]), str(invoice.cutoff)),
        ("policy digest", document["policy"]["digest"], invoice.policy_digest),
        ("issued at", document["issued_at"], format_instant(invoice.sealed_at)),
    )


def _line(stored: StoredEvidence, document: Members, printed: Members, place: int) -> tuple[Fact, ...]:
    line = stored.line
    return (
        ("ordinal", str(place), str(line.ordinal)),
        ("description", printed["description"], line.description),
        ("meter", str(printed["meter"]), str(line.meter)),
        ("quantity", printed["quantity"], line.quantity),
        ("unit", printed["unit"], line.unit),
        ("amount", printed["amount"], Money(line.amount_minor, currency(document["currency"])).decimal_text),
        ("earlier", _earlier(printed, document["currency"]), line.earlier or NONE),
        ("correction", _json(printed.get("correction")), line.correction or NONE),
    )


def _charge(stored: StoredEvidence, document: Members, printed: Members) -> tuple[Fact, ...]:
    charge = stored.charge
    whole: Members = printed["share_of"] if "share_of" in printed else document["period"]
    return (
        ("subscription", printed["subscription"], charge.subscription),
        ("price", printed["price"], charge.price),
        ("price version", str(printed["price_version"]), str(charge.price_version)),
        ("price digest", printed["price_digest"], charge.price_digest),
        ("plan", printed["plan"], charge.plan),
        ("plan version", str(printed["plan_version"]), str(charge.plan_version)),
        ("program", _program(printed), str(charge.program)),
        ("period", _printed_period(whole), _period(charge.period)),
        ("segment", _printed_period(printed["segment"]), _period(charge.segment)),
        ("quantity", str(_cumulative(printed)), charge.quantity),
        ("unit", printed["unit"], charge.unit),
        ("amount", printed["exact_amount"], charge.amount),
        ("steps", canonical_json(printed["steps"]), charge.steps),
        ("group", _json(printed.get("group")), charge.grouped_by or NONE),
        ("terms", canonical_json(printed.get("terms", {})), charge.terms or "{}"),
        ("usage before", _usage_before(document, printed), _stated_before(printed)),
        ("snapshot", _presence(printed["snapshot"]), _presence(stored.snapshot)),
    )


def _cumulative(line: Members) -> Quantity:
    """What the line is for in all: its quantity, and what earlier lines had of it."""
    before = [Quantity.parse(each["quantity"]) for each in line.get("earlier", ())]
    return sum(before, Quantity.parse(line["quantity"]))


def _earlier(printed: Members, code: str) -> str:
    """As a line row has it."""
    unit = currency(code)
    found = tuple(
        EarlierLine(
            each["line"],
            each["invoice"],
            each["number"],
            Quantity.parse(each["quantity"]),
            Money.read(each["amount"], unit),
        )
        for each in printed.get("earlier", ())
    )
    return earlier_text(found) or NONE


def _stated_before(printed: Members) -> str:
    return str(printed.get("terms", {}).get("prior_quantity", NONE))


def _usage_before(document: Members, printed: Members) -> str:
    """What the lines of earlier parts under the same price add up to, where the line says it goes on from
    them."""
    if _stated_before(printed) == NONE or "correction" in printed:
        return _stated_before(printed)  # the parts before a corrected one may be on other papers
    start = parse_instant(printed["segment"]["start"])
    before = [
        _cumulative(line)
        for line in document["lines"]
        if (line["subscription"], line["price"]) == (printed["subscription"], printed["price"])
        and parse_instant(line["segment"]["end"]) <= start
        and "waived" not in line.get("terms", {})
    ]
    return str(sum(before, QUANTITY_ZERO))


def _snapshot(snapshot: StoredSnapshot, document: Members, line: Members) -> tuple[Fact, ...]:
    printed = line["snapshot"]
    return (
        ("customer", document["customer"]["id"], snapshot.customer),
        ("subscription", line["subscription"], snapshot.subscription),
        ("meter", printed["meter"], snapshot.meter),
        ("meter version", str(printed["meter_version"]), str(snapshot.meter_version)),
        ("meter digest", printed["meter_digest"], snapshot.meter_digest),
        ("period", _printed_period(printed["period"]), _period(snapshot.period)),
        ("watermark", str(printed["watermark"]), str(snapshot.watermark)),
        ("quantity", printed["quantity"], snapshot.quantity),
        ("event count", str(printed["event_count"]), str(snapshot.event_count)),
        ("excluded count", str(printed["excluded_count"]), str(snapshot.excluded_count)),
        # absent from what was sealed before there were retractions
        ("retracted count", str(printed.get("retracted_count", 0)), str(snapshot.retracted_count)),
        ("fingerprint", printed["fingerprint"], snapshot.fingerprint),
        ("breakdown", _json(printed.get("breakdown")), snapshot.breakdown or NONE),
        ("conversion", _json(printed.get("conversion")), snapshot.conversion or NONE),
        ("groups", _digest(printed.get("groups")), _digest_of(snapshot.groups)),
        ("opening states", _digest(printed.get("opening")), _digest_of(snapshot.opening)),
    )


def _program(line: Members) -> str:
    """As a charge row has it; absent from the lines of no program."""
    program: Members | None = line.get("program")
    return "None" if program is None else f"{program['key']} v{program['version']}"


def _printed_period(members: Members) -> str:
    return f"{members['start']} until {members['end']}"


def _period(period: Period) -> str:
    return f"{format_instant(period.start)} until {format_instant(period.end)}"


def _presence(value: object) -> str:
    return NONE if value is None else "one"


def _json(printed: Any) -> str:
    return NONE if printed is None else canonical_json(json.loads(json.dumps(printed), parse_int=JsonNumber))


def _digest(printed: Any) -> str:
    return NONE if printed is None else str(printed["sha256"])


def _digest_of(stored: str | None) -> str:
    return NONE if stored is None else sha256(stored.encode()).hexdigest()
