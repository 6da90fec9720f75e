"""Why an event was or was not counted, in words and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.cli.screen import Json, grouped, say, table

if TYPE_CHECKING:
    from tieout.flows.why_event import AcceptedTold, MeterFate, Told, Why
    from tieout.ports import StoredEvent


def say_why(found: Why) -> None:
    """The arrivals, then the accepted event meter by meter."""
    from tieout.kernel.instant import format_instant

    name = f"{found.source} / {found.id}" if found.id is not None else f"{found.source}, id unread"
    rows = (
        [
            str(each.position),
            format_instant(each.received_at),
            each.verdict.name.lower(),
            _sentence(each),
            _origin(each),
        ]
        for each in found.arrivals
    )
    say(table(("position", "received", "verdict", "why", "from"), rows, title=f"{name}: every arrival"))
    shown = sum(1 for each in found.arrivals if each.verdict.name == "DUPLICATE")
    if found.repeats > shown:
        say(f"{grouped(str(found.repeats))} duplicates in all; the first {shown} are shown.")
    if found.accepted is None:
        say("It was never accepted, so no meter counts it.")
        return
    _say_accepted(found.accepted)


def _say_accepted(told: AcceptedTold) -> None:
    from tieout.kernel.instant import format_instant

    event = told.stored.event
    owner = "no customer then" if told.customer is None else f"customer {told.customer}"
    say(
        f"Accepted as {told.stored.position}: {event.type} of subject {event.subject}, {owner}, "
        f"at {format_instant(event.time)}."
    )
    if told.erasure is not None:
        say(
            f"Its personal data was erased by {told.erasure.person} at "
            f"{format_instant(told.erasure.erased_at)}: {told.erasure.reason}"
        )
    if told.retraction is not None:
        say(f"It was retracted by {told.retraction.position}: {_retraction_text(told.retraction)}")
    if not told.meters:
        say("No meter was in force for its type at its time.")
        return
    rows = ([fate.meter, str(fate.version), meter_sentence(fate)] for fate in told.meters)
    say(table(("meter", "version>", "what became of it"), rows))


def _retraction_text(retraction: StoredEvent) -> str:
    fields = retraction.event.fields
    by = f", by {fields['by']}" if "by" in fields else ""
    return f"{fields.get('reason', 'its reason was erased')}{by}"


def meter_sentence(fate: MeterFate) -> str:
    """One meter's answer as a sentence."""
    from tieout.kernel.instant import format_instant

    match fate.fate:
        case "not matched":
            return "not counted: the meter's filter leaves it out"
        case "excluded":
            return f"not counted: excluded ({fate.reason})"
        case "unmatched":
            return "not billed: its subject had no customer at that time"
        case "unpriced":
            said = f" ({fate.reason})" if fate.reason else ""
            return f"not billed: the customer pays no price on this meter then{said}"
        case "retracted":
            return f"not counted: it was retracted by {fate.retracted_by}"
    assert fate.period is not None, "what is counted is counted in a period"
    where = f"{format_instant(fate.period.start)} to {format_instant(fate.period.end)}"
    counted = f"counted for {fate.subscription}, {where}"
    match fate.state:
        case "sealed":
            since = (
                ""
                if fate.retracted_by is None
                else f"; retracted since by {fate.retracted_by}, which waits for a correction"
            )
            return f"{counted}: sealed in invoice {fate.invoice}, {', '.join(fate.lines) or 'no line'}{since}"
        case "interim":
            return (
                f"{counted}: billed on interim invoice {fate.invoice}, {', '.join(fate.lines)}; its period "
                "is open, and the final invoice takes off what the interim asked for"
            )
        case "late":
            return f"{counted}: late, after the cutoff of invoice {fate.invoice}, and in no invoice yet"
        case "missed":
            name = fate.invoice or "an invoice"
            return f"{counted}: not billed, for {name} was sealed for that time without this usage"
    return f"{counted}: open, not sealed yet"


def _sentence(each: Told) -> str:
    said = each.reason.sentence if each.reason else ""
    if each.detail:
        said = f"{said} {each.field + ': ' if each.field else ''}{each.detail}"
    if each.original is not None:
        same = "the same as" if each.verdict.name == "DUPLICATE" else "other content than"
        said = f"{said} It is {same} {each.original}.".strip()
    if each.outcome is not None:
        said += f" {each.outcome.state.value.capitalize()} by {each.outcome.decision.person}"
        said += f" ({each.outcome.decision.reason})"
        if each.became is not None:
            said += f", and arrived again as {each.became.position}: {each.became.verdict.name.lower()}"
        said += "."
    elif each.line is not None:
        said += " Nobody has decided about it yet."
    return said


def _origin(each: Told) -> str:
    place = each.origin if each.line is None else f"{each.origin}, line {each.line}"
    return place if each.released_from is None else f"{place}, released from {each.released_from}"


def why_json(found: Why) -> Json:
    return {
        "source": found.source,
        "id": found.id,
        "duplicates": found.repeats,
        "arrivals": [_told_json(each) for each in found.arrivals],
        "accepted": None if found.accepted is None else _accepted_json(found.accepted),
    }


def _told_json(each: Told) -> Json:
    from tieout.kernel.instant import format_instant

    outcome = each.outcome
    return {
        "position": str(each.position),
        "verdict": each.verdict.name.lower(),
        "reason": each.reason.code if each.reason else None,
        "field": each.field,
        "detail": each.detail,
        "received_at": format_instant(each.received_at),
        "origin": each.origin,
        "line": each.line,
        "original": None if each.original is None else str(each.original),
        "released_from": None if each.released_from is None else str(each.released_from),
        "decision": None
        if outcome is None
        else {
            "outcome": outcome.state.value,
            "by": outcome.decision.person,
            "reason": outcome.decision.reason,
            "at": format_instant(outcome.decision.decided_at),
        },
        "became": None
        if each.became is None
        else {
            "position": str(each.became.position),
            "verdict": each.became.verdict.name.lower(),
            "reason": each.became.reason.code if each.became.reason else None,
        },
    }


def _accepted_json(told: AcceptedTold) -> Json:
    from tieout.kernel.instant import format_instant

    event = told.stored.event
    return {
        "position": str(told.stored.position),
        "type": event.type,
        "subject": event.subject,
        "time": format_instant(event.time),
        "customer": told.customer,
        "erased": told.erasure is not None,
        "retracted_by": None if told.retraction is None else str(told.retraction.position),
        "meters": [_meter_json(fate) for fate in told.meters],
    }


def _meter_json(fate: MeterFate) -> Json:
    from tieout.kernel.instant import format_instant

    period = fate.period
    return {
        "meter": fate.meter,
        "version": fate.version,
        "fate": fate.fate,
        "reason": fate.reason,
        "subscription": fate.subscription,
        "period": None
        if period is None
        else {"start": format_instant(period.start), "end": format_instant(period.end)},
        "state": fate.state,
        "invoice": fate.invoice,
        "lines": list(fate.lines),
        "retracted_by": None if fate.retracted_by is None else str(fate.retracted_by),
        "sentence": meter_sentence(fate),
    }
