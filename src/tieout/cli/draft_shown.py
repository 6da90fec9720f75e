"""Drafts, their entries and their differences on the screen and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.cli.screen import Json, grouped, say, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tieout.close.review import ReviewEntry, Standing, StoredDraft
    from tieout.flows.drafts import DraftRow
    from tieout.invoice.difference import DraftDifference
    from tieout.ledger.entry import Entry

SHORT_DIGITS = 16


def say_drafts(rows: Sequence[DraftRow]) -> None:
    from tieout.kernel.instant import format_instant

    columns = ("invoice", "customer", "period (UTC)", "revision>", "state", "waits for", "sha256")
    cells = (
        [
            row.draft.invoice,
            row.draft.customer,
            f"{format_instant(row.draft.period.start)} to {format_instant(row.draft.period.end)}",
            str(row.draft.revision),
            "sealed" if row.number else row.draft.state.value,
            row.number or ("the next close" if row.stands.may_be_sealed else row.stands.waits_for),
            row.draft.sha256[:SHORT_DIGITS],
        ]
        for row in rows
    )
    say(table(columns, cells))


def say_history(revisions: Sequence[StoredDraft]) -> None:
    from tieout.kernel.instant import format_instant

    columns = ("revision>", "drafted", "why", "state", "cutoff>", "taken by", "review until", "sha256")
    cells = (
        [
            str(each.revision),
            format_instant(each.drafted_at),
            each.reason,
            each.state.value,
            grouped(str(each.cutoff)),
            each.person or "the close",
            "" if each.review_until is None else format_instant(each.review_until),
            each.sha256[:SHORT_DIGITS],
        ]
        for each in revisions
    )
    say(table(columns, cells))


def say_entries(entries: Sequence[ReviewEntry], void: Sequence[ReviewEntry]) -> None:
    from tieout.kernel.instant import format_instant

    if not entries:
        return
    columns = ("revision>", "at", "what", "by", "text")
    cells = (
        [
            str(each.revision),
            format_instant(each.recorded_at),
            f"{each.kind.value}, void: it was drafted anew" if each in void else each.kind.value,
            each.person,
            each.text,
        ]
        for each in entries
    )
    say(table(columns, cells))


def say_proposed(entries: Sequence[Entry]) -> None:
    """What the seal would post in the ledger; nothing where the draft is held."""
    from tieout.cli.ledger_shown import entries_table

    if entries:
        say("Ledger entries that the seal would post:")
        say(entries_table(entries))


def proposed_json(entries: Sequence[Entry]) -> list[Json]:
    from tieout.cli import ledger_shown

    return [ledger_shown.entry_json(each) for each in entries]


def say_difference(found: DraftDifference, *, digest: str | None = None) -> None:
    words = f"Compared with revision {found.revision_before} (cutoff: batch "
    words += f"{grouped(str(found.cutoff_before))}, now {grouped(str(found.cutoff_after))})"
    if found.is_nothing:
        say(f"{words}: nothing that it shows has changed.")
        return
    say(f"{words}:")
    columns = ("line", "quantity before>", "after>", "unit", "amount before>", "after>", "why")
    lines = (
        [
            each.description,
            _or_none(each.quantity_before),
            _or_none(each.quantity_after),
            each.unit,
            _or_none(each.amount_before),
            _or_none(each.amount_after),
            "; ".join(each.why),
        ]
        for each in found.lines
    )
    if found.lines:
        say(table(columns, lines))
    amounts = ([each.name, _or_none(each.before), _or_none(each.after)] for each in found.amounts)
    if found.amounts:
        say(table(("of the invoice", "before>", "after>"), amounts))
    if digest is not None:
        say(f"Digest of this difference: {digest}")


def draft_json(
    draft: StoredDraft, stands: Standing | None = None, number: str | None = None
) -> dict[str, Json]:
    """Without the document."""
    from tieout.kernel.instant import format_instant

    until = draft.review_until
    judged: dict[str, Json] = {}
    if stands is not None:
        judged = {
            "number": number,
            "may_be_sealed": stands.may_be_sealed,
            "waits_for": stands.waits_for or None,
            "approved_by": stands.approved_by,
        }
    return {
        "invoice": draft.invoice,
        "revision": draft.revision,
        "customer": draft.customer,
        "period": {"start": format_instant(draft.period.start), "end": format_instant(draft.period.end)},
        "kind": draft.kind,
        "sequence": draft.sequence,
        "state": draft.state.value,
        "cutoff": draft.cutoff,
        "drafted_at": format_instant(draft.drafted_at),
        "by": draft.person,
        "reason": draft.reason,
        "review_until": None if until is None else format_instant(until),
        "sha256": draft.sha256,
        "delta": draft.delta,
        **judged,
    }


def entry_json(entry: ReviewEntry) -> dict[str, Json]:
    from tieout.kernel.instant import format_instant

    return {
        "invoice": entry.invoice,
        "revision": entry.revision,
        "kind": entry.kind.value,
        "by": entry.person,
        "text": entry.text,
        "sha256": entry.sha256,
        "recorded_at": format_instant(entry.recorded_at),
    }


def difference_json(found: DraftDifference) -> dict[str, Json]:
    import json

    from tieout.invoice.difference import difference_text

    printed: dict[str, Json] = json.loads(difference_text(found))
    return printed


def _or_none(text: str | None) -> str:
    """Amounts grouped; what is no amount (a version, a digest) as it is."""
    if text is None:
        return "none"
    return grouped(text) if text.lstrip("-").replace(".", "", 1).isdigit() else text
