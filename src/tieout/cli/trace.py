"""`tieout trace LINE`: from an invoice line back to its events, and forward again to the same amount.

The forward way reads the stored events and counts them once more; it takes no number from the snapshot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.screen import Json, grouped, plain, print_json, say, table
from tieout.cli.trace_bearings import bearings_json, bearings_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from tieout.evidence.stored import StoredSnapshot
    from tieout.evidence.witness import Witness
    from tieout.flows.trace_line import RetractedEvent, Trace

PAGE_SIZE_MAX = 1_000


def trace(
    line: Annotated[str, typer.Argument(help="The line's id: in_...-001.", show_default=False)],
    home: HomeOption,
    page: Annotated[int, typer.Option(help="Which page of its events.", min=1)] = 1,
    page_size: Annotated[int, typer.Option(help="Events on a page.", min=1, max=PAGE_SIZE_MAX)] = 20,
    as_json: JsonOption = False,
) -> None:
    """Trace a line to its events and recompute it.

    Exit code 1 when the two ways differ.
    """
    from tieout.flows.trace_line import trace as trace_line
    from tieout.kernel.ids import LineId

    with opened(home) as where:
        found = trace_line(where, LineId(line), page=page, page_size=page_size)
    if as_json:
        print_json(_trace_json(found))
    else:
        say(trace_page(found))
    if not found.reproduced.matches:
        raise typer.Exit(1)


def trace_page(found: Trace) -> RenderableType:
    """Line, working, snapshot, a page of events, and the way back, one below the other."""
    from rich.console import Group
    from rich.text import Text

    from tieout.kernel.instant import format_instant

    code = found.amount.currency.code
    head = (
        f"{found.line.id} of invoice {found.invoice.number}: {found.line.description}, "
        f"{grouped(found.line.quantity)} {found.line.unit}, {grouped(found.amount.decimal_text)} {code}"
    )
    since = found.price_effective_from
    priced = (
        f"Price {found.charge.price} version {found.charge.price_version}"
        f"{'' if since is None else f' in force from {format_instant(since)}'}, "
        f"plan {found.charge.plan} version {found.charge.plan_version}"
        f"{f', program {found.charge.program}' if found.charge.program else ''}"
    )
    steps = ([step.text, grouped(step.amount)] for step in found.steps)
    parts: list[RenderableType] = [Text(plain(head), style="bold"), Text(plain(priced))]
    parts.append(table(("working", f"exact amount ({code})>"), steps))
    if found.settlement is not None:
        parts.append(Text(plain(found.settlement)))
    parts += bearings_parts(found.bearings, found.line.unit)
    if found.snapshot is not None:
        parts += [Text(plain(_snapshot_text(found))), _events_table(found)]
    if found.opening:
        parts.append(_opening_table(found))
    if found.retracted.total:
        parts.append(_retracted_table(found))
    parts.append(Text(plain(_reproduced_text(found)), style="bold"))
    for share in found.discounts:
        words = f"On the invoice, {share.name} (coupon {share.coupon} version {share.coupon_version}) takes "
        parts.append(Text(plain(f"{words}{grouped(share.amount)} {code} of this line.")))
    if found.reproduced.differences:
        rows = ([row.what, row.name, row.expected, row.found] for row in found.reproduced.differences)
        parts.append(table(("differs", "name", "expected", "found"), rows))
    return Group(*parts)


def _snapshot_text(found: Trace) -> str:
    snapshot = found.snapshot
    assert snapshot is not None, "the caller looked"
    return (
        f"Snapshot: meter {snapshot.meter} version {snapshot.meter_version} as of batch "
        f"{grouped(str(snapshot.watermark))}: {grouped(snapshot.quantity)} {snapshot.unit} in "
        f"{grouped(str(snapshot.event_count))} events, fingerprint {snapshot.fingerprint}{_finer(snapshot)}"
    )


def _finer(snapshot: StoredSnapshot) -> str:
    """How many groups it has, where it has any."""
    import json

    try:
        return "" if snapshot.groups is None else f", in {len(json.loads(snapshot.groups)):,} groups"
    except (ValueError, TypeError):
        return ""  # the reproduction names the snapshot


def _stored_json(text: str | None) -> Json:
    """A stored JSON text as JSON; as the text it is where it no longer reads."""
    import json

    try:
        read: Json = None if text is None else json.loads(text)
    except ValueError:
        return text
    return read


def _events_table(found: Trace) -> RenderableType:
    page = found.events
    title = f"Events, page {page.page}: {len(page.events)} of {grouped(str(page.total))}"
    return _witness_table(page.events, title)


def _opening_table(found: Trace) -> RenderableType:
    total = grouped(str(len(found.opening)))
    shown = found.opening[: found.events.page_size]
    title = f"Levels stated before the period: {len(shown)} of {total}"
    return _witness_table(shown, title)


def _witness_table(witnesses: Sequence[Witness], title: str) -> RenderableType:
    from tieout.kernel.instant import format_instant

    rows = (
        [
            str(witness.position),
            format_instant(witness.event.time),
            witness.event.subject,
            witness.event.id,
            ", ".join(
                [
                    *(f"{name} {value}" for name, value in _fields(witness).items()),
                    *([] if witness.erasure is None else ["erased"]),
                ]
            ),
        ]
        for witness in witnesses
    )
    return table(("position", "time", "subject", "id", "content"), rows, title=title)


def _retracted_table(found: Trace) -> RenderableType:
    from tieout.kernel.instant import format_instant

    rows = (
        [
            *(str(row.event.position), format_instant(row.event.event.time), row.event.event.id),
            *(str(row.retraction.position), *(str(word) for word in _why_retracted(row).values())),
        ]
        for row in found.retracted.events
    )
    title = f"Retracted as of the cutoff and not counted: {grouped(str(found.retracted.total))}"
    return table(("position", "time", "id", "retracted at", "by", "because"), rows, title=title)


def _why_retracted(row: RetractedEvent) -> dict[str, str]:
    """By whom and why; where no person is named, its source retracted it."""
    fields = row.retraction.event.fields
    return {"by": str(fields.get("by", row.retraction.event.source)), "reason": str(fields["reason"])}


def _reproduced_text(found: Trace) -> str:
    again = found.reproduced
    if again.matches:
        assert again.quantity is not None and again.amount is not None, "it matches"
        return (
            f"Reproduced from the stored events: {grouped(str(again.quantity))} {found.line.unit}, "
            f"{grouped(again.amount.decimal_text)} {again.amount.currency.code}. It matches."
        )
    return "Reproduced from the stored events: IT DOES NOT MATCH."


def _fields(witness: Witness) -> dict[str, str | int | bool]:
    """The declared fields: decimals as text, timestamps as RFC 3339."""
    from tieout.contract.event_contract import FieldType
    from tieout.kernel.instant import Instant, format_instant
    from tieout.kernel.quantity import Quantity

    declared = () if witness.contract is None else witness.contract.fields
    times = {field.name for field in declared if field.type is FieldType.TIMESTAMP}
    fields: dict[str, str | int | bool] = {}
    for name, value in sorted(witness.event.fields.items()):
        if isinstance(value, Quantity):
            fields[name] = str(value)
        elif name in times and isinstance(value, int):
            fields[name] = format_instant(Instant(value))
        else:
            fields[name] = value
    return fields


def _trace_json(found: Trace) -> Json:
    page, again = found.events, found.reproduced
    return {
        "line": {
            "id": found.line.id,
            "invoice": found.invoice.id,
            "number": found.invoice.number,
            "description": found.line.description,
            "meter": found.line.meter,
            "quantity": found.line.quantity,
            "unit": found.line.unit,
            "amount": found.amount.decimal_text,
            "settlement": found.settlement,
            "currency": found.amount.currency.code,
            **bearings_json(found.bearings),
        },
        "charge": _charge_json(found),
        "snapshot": _snapshot_json(found),
        "page": {"number": page.page, "size": page.page_size, "total": page.total},
        "events": [_event_json(witness) for witness in page.events],
        "opening": [_event_json(witness) for witness in found.opening],
        "retracted": {
            "total": found.retracted.total,
            "events": [
                {
                    **_event_json(row.event),
                    "retracted_at": str(row.retraction.position),
                    "retracted_by": _why_retracted(row)["by"],
                    "because": _why_retracted(row)["reason"],
                }
                for row in found.retracted.events
            ],
        },
        "discounts": [
            {
                "name": share.name,
                "coupon": share.coupon,
                "coupon_version": share.coupon_version,
                "amount": share.amount,
            }
            for share in found.discounts
        ],
        "reproduced": {
            "quantity": None if again.quantity is None else str(again.quantity),
            "amount": None if again.amount is None else again.amount.decimal_text,
            "matches": again.matches,
            "differences": [
                {"what": row.what, "name": row.name, "expected": row.expected, "found": row.found}
                for row in again.differences
            ],
        },
    }


def _charge_json(found: Trace) -> Json:
    from tieout.kernel.instant import format_instant

    charge = found.charge
    return {
        "id": charge.id,
        "subscription": charge.subscription,
        "price": charge.price,
        "price_version": charge.price_version,
        "price_digest": charge.price_digest,
        "price_effective_from": None
        if found.price_effective_from is None
        else format_instant(found.price_effective_from),
        "plan": charge.plan,
        "plan_version": charge.plan_version,
        **({} if charge.program is None else {"program": charge.program}),
        "segment": {"start": format_instant(charge.segment.start), "end": format_instant(charge.segment.end)},
        "quantity": charge.quantity,
        "unit": charge.unit,
        "group": _stored_json(charge.grouped_by),
        "terms": _stored_json(charge.terms),
        "amount": charge.amount,
        "steps": [
            {
                "rule": step.rule,
                "text": step.text,
                "quantity": step.quantity,
                "rate": step.rate,
                "amount": step.amount,
            }
            for step in found.steps
        ],
    }


def _snapshot_json(found: Trace) -> Json:
    from tieout.kernel.instant import format_instant

    snapshot = found.snapshot
    if snapshot is None:
        return None
    return {
        "id": snapshot.id,
        "meter": snapshot.meter,
        "meter_version": snapshot.meter_version,
        "meter_digest": snapshot.meter_digest,
        "unit": snapshot.unit,
        "period": {
            "start": format_instant(snapshot.period.start),
            "end": format_instant(snapshot.period.end),
        },
        "watermark": snapshot.watermark,
        "quantity": snapshot.quantity,
        "event_count": snapshot.event_count,
        "excluded_count": snapshot.excluded_count,
        "retracted_count": snapshot.retracted_count,
        "fingerprint": snapshot.fingerprint,
        "breakdown": _stored_json(snapshot.breakdown),
        "groups": _stored_json(snapshot.groups),
        "conversion": _stored_json(snapshot.conversion),
        "opening": _stored_json(snapshot.opening),
    }


def _event_json(witness: Witness) -> dict[str, Json]:
    from tieout.kernel.instant import format_instant

    event = witness.event
    return {
        "position": str(witness.position),
        "source": event.source,
        "id": event.id,
        "type": event.type,
        "subject": event.subject,
        "time": format_instant(event.time),
        "data": _fields(witness),
        "extras": event.extras,
        "attributes": event.attributes,
        "erased": witness.erasure is not None,
    }
