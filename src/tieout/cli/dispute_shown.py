"""Disputes as people see them: a list, one with all that was said of it, and those of an invoice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.cli.screen import grouped, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.table import Table

    from tieout.dispute.dispute import Dispute
    from tieout.dispute.event import DisputeEvent
    from tieout.dispute.owners import Owners
    from tieout.flows.say_dispute import Sent
    from tieout.kernel.instant import Instant

NONE = "-"


def disputes_table(disputes: Sequence[Dispute], *, now: Instant) -> Table:
    """One row each; deadlines in the customer's zone."""
    from tieout.dispute.overdue import overdue

    columns = (
        "id",
        "customer",
        "of",
        "type",
        "state",
        "amount>",
        "currency",
        "owners",
        "decide by",
        "overdue",
    )
    rows = [
        [
            *(each.id, each.customer, each.claim.line or each.invoice, each.claim.type.value),
            *(each.state.value, grouped(each.claim.money.decimal_text), each.claim.currency.code),
            owners_text(each),
            _day(each.deadlines.decide_by, each.zone_name) if each.is_open else NONE,
            ", ".join(found.value for found in overdue(each, now=now)) or NONE,
        ]
        for each in disputes
    ]
    return table(columns, rows)


def invoice_disputes_table(disputes: Sequence[Dispute]) -> Table:
    """Beside an invoice."""
    from tieout.kernel.money import Money

    columns = ("dispute", "of", "type", "state", "amount>", "not collected>", "given back>")
    rows = []
    for each in disputes:
        unit = each.claim.currency
        amounts = (each.claim.amount, each.not_collected, sum(credit.with_tax for credit in each.credits))
        rows.append(
            [
                *(each.id, each.claim.line or "the invoice", each.claim.type.value, each.state.value),
                *(grouped(Money(minor, unit).decimal_text) for minor in amounts),
            ]
        )
    return table(columns, rows, title="Disputes")


def dispute_page(dispute: Dispute, sent: Sequence[Sent], notes: Mapping[str, str], *, now: Instant) -> str:
    """All of it, line by line; `notes`: their numbers by id."""
    from tieout.dispute.overdue import Overdue, done_late, overdue
    from tieout.dispute.type import RULES
    from tieout.kernel.money import Money

    claim, rule = dispute.claim, RULES[dispute.claim.type]
    unit, zone = claim.currency, dispute.zone_name
    late, after = ", ".join(each.value for each in overdue(dispute, now=now)), done_late(dispute)
    kept = grouped(Money(dispute.not_collected, unit).decimal_text)
    waits = f"; {kept} {unit} with taxes are not collected meanwhile" if dispute.is_open else ""
    lines = [
        f"Dispute {dispute.id}: {dispute.state.value}",
        f"  of            {claim.line or 'all of ' + dispute.invoice} (customer {dispute.customer})",
        f"  amount        {grouped(claim.money.decimal_text)} {unit}{waits}",
        f"  type          {claim.type.value}: {rule.meaning}; goes to {rule.routed_to.value}",
        f"  reason        {dispute.reason}",
        f"  owners        {owners_text(dispute)}",
        f"  respond by    {_day(dispute.deadlines.respond_by, zone)}"
        + _done(dispute.is_answered, Overdue.ANSWER in after),
        f"  decide by     {_day(dispute.deadlines.decide_by, zone)}"
        + _done(not dispute.is_open, Overdue.DECISION in after),
    ]
    if late:
        lines.append(f"  overdue       {late}")
    lines.append(f"  evidence pack {_pack(dispute)}")
    if dispute.hold is not None:
        hold = dispute.hold
        lines.append(f"  hold          {hold.reason}")
        lines.append(
            f"                {hold.engineering} (engineering) answers for the defect, {hold.ops} (ops) "
            "keeps the customer informed"
        )
        if dispute.update_by is not None:
            lines.append(f"                next word to the customer by {_day(dispute.update_by, zone)}")
    for credit in dispute.credits:
        lines.append(
            f"  given back    {grouped(Money(credit.with_tax, unit).decimal_text)} {unit} of {credit.line}, "
            f"{notes.get(credit.note, credit.note)}"
        )
    lines.append("")
    delivered = {each.event.ordinal: each for each in sent}
    for event in dispute.events:
        lines += _event_lines(event, delivered.get(event.ordinal), zone)
    return "\n".join(lines)


def _done(done: bool, late: bool) -> str:
    return "" if not done else ", done late" if late else ", done"


def owners_page(owners: Owners) -> str:
    from tieout.dispute.role import Role
    from tieout.kernel.instant import format_instant

    lines = []
    for role in Role:
        named = ", ".join(owners.persons.get(role, ())) or "nobody"
        targets = ", ".join(owners.targets.get(role, ()))
        lines.append(f"{role.value:<12} {named}" + (f"; told through {targets}" if targets else ""))
    if owners.at is not None:
        lines.append(f"Named by {owners.person} at {format_instant(owners.at)}: {owners.reason}")
    return "\n".join(lines)


def owners_text(dispute: Dispute) -> str:
    return ", ".join(f"{person} ({role.value})" for role, person in sorted(dispute.owners.items()))


def day_text(at: Instant, zone_name: str) -> str:
    """The local day of an instant."""
    from tieout.kernel.calendar import local_date
    from tieout.kernel.zone import zone

    return local_date(at, zone(zone_name)).isoformat()


def until_text(until: Instant, zone_name: str) -> str:
    """The last local day before that instant."""
    from tieout.kernel.instant import Instant as At

    return day_text(At(until - 1), zone_name)


def _event_lines(event: DisputeEvent, sent: Sent | None, zone: str) -> list[str]:
    from tieout.dispute.event import (
        Assigned,
        Decided,
        Examined,
        Isolated,
        Messaged,
        Noted,
        Opened,
        Released,
        Reopened,
    )

    head = f"{_minute(event.at, zone)}  {event.act.value} by {event.person}"
    match event.said:
        case Opened(reason=reason) | Reopened(reason=reason):
            said = reason
        case Noted(text):
            said = text
        case Messaged(text):
            said = f"{text}\n({_delivery(sent)})"
        case Assigned(role, to, reason):
            said = f"{role.value}: {to}. {reason}"
        case Examined():
            said = _examined(event.said)
        case Isolated(isolation):
            said = isolation.reason
        case Released(reason, defect, agreed_by):
            found = "a defect of ours" if defect else "no defect of ours"
            said = f"{found}, agreed by {agreed_by}. {reason}"
        case Decided():
            by = event.said.approved_by
            how = ", given back by a correction" if event.said.corrected else ""
            said = event.said.reason + ("" if by is None else f" (approved by {by}{how})")
    return [head, *(f"    {line}" for line in said.split("\n"))]


def _examined(said: object) -> str:
    from tieout.dispute.event import Examined

    assert isinstance(said, Examined)
    if not said.found:
        amounts = ", ".join(f"{each.line} {each.amount}" for each in said.lines)
        return f"the pack verifies, and the trace gives the same amounts: {amounts}"
    more = said.found - len(said.findings)
    return "\n".join([*said.findings, *([f"and {more} more"] if more else [])])


def _delivery(sent: Sent | None) -> str:
    if sent is None or sent.notice is None:
        return "not in the outbox"
    states = ", ".join(f"{each.target}: {each.state.value}" for each in sent.messages)
    return states or f"{sent.notice.notice.id}: no target of the customer's has it yet"


def _pack(dispute: Dispute) -> str:
    if dispute.pack is None:
        return "none could be built"
    checked = "not examined yet"
    if dispute.examined is not None:
        checked = "reproduced" if dispute.examined.isolation is None else "records conflict"
    return f"SHA-256 {dispute.pack.sha256} ({dispute.pack.events:,} events); {checked}"


def _day(until: Instant, zone_name: str) -> str:
    """The last day before that instant, and in which zone it is one."""
    return f"{until_text(until, zone_name)} ({zone_name})"


def _minute(at: Instant, zone_name: str) -> str:
    from tieout.kernel.instant import to_datetime
    from tieout.kernel.zone import zone

    return to_datetime(at).astimezone(zone(zone_name)).strftime("%Y-%m-%d %H:%M")
