"""What each JSON member of a pack holds, name by name."""

from __future__ import annotations

from collections.abc import Mapping

from tieout.evidence.verify.shapes import (
    BOOL,
    TEXT,
    WHOLE,
    Find,
    Shape,
    anything,
    by_word,
    digest,
    list_of,
    maybe,
    members,
    named_by_anything,
    one_of,
)

PERIOD = members(start=TEXT, end=TEXT)
GROUP = maybe(list_of(list_of(maybe(TEXT))))
STEPS = list_of(members(rule=TEXT, text=TEXT, quantity=maybe(TEXT), rate=maybe(TEXT), amount=TEXT))
TERMS = members(
    or_quantity=TEXT,
    or_in_place_of=TEXT,
    or_waived=TEXT,
    or_prices_as_of=TEXT,
    or_prices_kept_until=TEXT,
    or_successor=TEXT,
    or_prior_quantity=TEXT,
    or_interim=BOOL,
)
CORRECTION = members(
    period=PERIOD,
    or_original_line=TEXT,
    causes=list_of(TEXT),
    late_events=WHOLE,
    retracted_events=WHOLE,
    reason=TEXT,
    or_superseded_price_version=WHOLE,
    or_approval=TEXT,
)
ACCOUNTS = (
    *("receivable", "unbilled-receivable", "clearing", "revenue", "promotional-credits", "breakage"),
    *("deferred-revenue", "paid-credits", "tax-payable", "customer-balance"),
)
"""Those that a paper's entries post to."""

DOCUMENTS = list_of(
    members(
        kind=one_of(
            *("coupon", "customer", "event", "meter", "plan", "policy", "price", "program", "seller"),
            *("subscription", "tax"),
        ),
        key=TEXT,
        version=WHOLE,
        effective_from=TEXT,
        digest=digest,
        file=TEXT,
    )
)
LINE = members(
    line=members(
        id=TEXT,
        ordinal=WHOLE,
        charge=TEXT,
        description=TEXT,
        meter=maybe(TEXT),
        quantity=TEXT,
        unit=TEXT,
        amount_minor=WHOLE,
        earlier=maybe(list_of(members(line=TEXT, invoice=TEXT, number=TEXT, quantity=TEXT, minor=WHOLE))),
        correction=maybe(CORRECTION),
    ),
    charge=members(
        id=TEXT,
        subscription=TEXT,
        price=TEXT,
        price_version=WHOLE,
        price_digest=digest,
        price_effective_from=maybe(TEXT),
        plan=TEXT,
        plan_version=WHOLE,
        program=maybe(TEXT),
        period=PERIOD,
        segment=PERIOD,
        quantity=TEXT,
        unit=TEXT,
        amount=TEXT,
        steps=STEPS,
        grouped_by=GROUP,
        terms=maybe(TERMS),
    ),
    usage=maybe(TEXT),
    discounts=list_of(members(name=TEXT, coupon=TEXT, coupon_version=WHOLE, amount=TEXT)),
    settlement=maybe(TEXT),
    manual_line=maybe(members(recorded=TEXT, decided_by=TEXT, decision=one_of("approved"))),
    credited_line=maybe(TEXT),
)


def _span(value: object, where: str) -> Find:
    if not isinstance(value, list) or [type(each) for each in value] != [str, int, int]:
        yield where, "a subject, a start and an end", value


SPANS = list_of(_span)
WITHOUT = one_of("retracted as of the watermark")
OPENS = one_of("the last counted event of each subject before the start of each span")
BREAKDOWN = members(dimensions=list_of(TEXT), by_value=BOOL, amount_field=maybe(TEXT))
CONVERSION = members(unit=TEXT, divide_by=TEXT, places=WHOLE, rounding=TEXT)
USAGE = members(
    id=TEXT,
    customer=TEXT,
    subscription=TEXT,
    event_type=TEXT,
    meter=TEXT,
    meter_version=WHOLE,
    meter_digest=digest,
    unit=TEXT,
    period=PERIOD,
    watermark=WHOLE,
    quantity=TEXT,
    event_count=WHOLE,
    fingerprint=TEXT,
    excluded_count=WHOLE,
    retracted_count=WHOLE,
    lineage=by_word(
        "format",
        {
            "tieout/lineage/1": members(format=TEXT, spans=SPANS, or_without=WITHOUT),
            "tieout/lineage/2": members(format=TEXT, spans=SPANS, without=WITHOUT),
            "tieout/lineage/3": members(format=TEXT, spans=SPANS, without=WITHOUT, opening=OPENS),
        },
    ),
    breakdown=maybe(BREAKDOWN),
    groups=maybe(list_of(anything)),
    conversion=maybe(CONVERSION),
    opening=maybe(list_of(members(subject=TEXT, start=TEXT, position=TEXT, stated_at=TEXT, level=TEXT))),
)
LEDGER = members(
    kept=BOOL,
    entries=list_of(
        members(
            id=TEXT,
            kind=TEXT,
            customer=TEXT,
            invoice=TEXT,
            effective_at=TEXT,
            effective_on=TEXT,
            accounting_period=TEXT,
            booked_at=TEXT,
            reverses=maybe(TEXT),
            person=maybe(TEXT),
            reason=TEXT,
            postings=list_of(
                members(
                    account=one_of(*ACCOUNTS),
                    currency=TEXT,
                    minor=WHOLE,
                    line=maybe(TEXT),
                    reverses=maybe(TEXT),
                )
            ),
        )
    ),
)
MOVEMENTS = list_of(
    members(
        id=TEXT,
        account=TEXT,
        kind=TEXT,
        currency=TEXT,
        minor=WHOLE,
        effective_at=TEXT,
        reason=TEXT,
        person=maybe(TEXT),
        details=anything,
    )
)
DRAFTED = members(
    sequence=WHOLE,
    at=TEXT,
    what=TEXT,
    revision=WHOLE,
    cutoff=WHOLE,
    sha256=digest,
    person=maybe(TEXT),
    reason=TEXT,
)
SAID = members(
    sequence=WHOLE,
    at=TEXT,
    what=TEXT,
    revision=WHOLE,
    sha256=maybe(digest),
    person=TEXT,
    reason=TEXT,
)
TRANSITIONS = list_of(
    by_word(
        "what",
        {
            "drafted": DRAFTED,
            "held": DRAFTED,
            **dict.fromkeys(("note", "objection", "approval", "delta approval"), SAID),
            "sealed": members(sequence=WHOLE, at=TEXT, what=TEXT, cutoff=WHOLE, number=TEXT, sha256=digest),
            "voided": members(sequence=WHOLE, at=TEXT, what=TEXT, person=TEXT, reason=TEXT),
        },
    )
)
SIGNATURES = members(
    home=TEXT,
    digest=digest,
    signatures=list_of(members(role=TEXT, person=TEXT, key_id=TEXT, signature=TEXT, signed_at=TEXT)),
    keys=list_of(
        members(
            key_id=TEXT,
            role=TEXT,
            person=TEXT,
            public_key=TEXT,
            registered_at=TEXT,
            revoked_at=maybe(TEXT),
        )
    ),
)
PIECES = list_of(
    members(
        piece=TEXT,
        type=TEXT,
        contract_version=WHOLE,
        first_batch=WHOLE,
        last_batch=WHOLE,
        rows=WHOLE,
        root=TEXT,
        or_head=WHOLE,
    )
)
ROOTS = by_word(
    "format",
    {
        "tieout/roots/1": members(format=TEXT, home=TEXT, batch=WHOLE, digest=TEXT, pieces=PIECES),
        "tieout/roots/2": members(format=TEXT, home=TEXT, pieces=PIECES),
    },
)
MANIFEST = members(
    format=TEXT,
    home=TEXT,
    invoice=members(id=TEXT, number=TEXT, sha256=digest),
    lines=list_of(TEXT),
    software_version=TEXT,
    tzdata_version=TEXT,
    or_not_proven=list_of(TEXT),
    members=named_by_anything(members(bytes=WHOLE, sha256=digest)),
)

FORMS: Mapping[str, Shape] = {
    "documents.json": DOCUMENTS,
    "invoice/ledger.json": LEDGER,
    "invoice/movements.json": MOVEMENTS,
    "invoice/transitions.json": TRANSITIONS,
    "log/roots.json": ROOTS,
    "manifest.json": MANIFEST,
    "policy.json": SIGNATURES,
}


def form_of(name: str) -> Shape | None:
    """The form of the member of that name; None of those whose form is not of a pack: what the catalog
    holds, the sealed document (`document_form.py`), and heads, which are what they were stated as."""
    if name.startswith("lines/"):
        return LINE
    return USAGE if name.startswith("usage/") else FORMS.get(name)
