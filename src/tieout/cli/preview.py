"""What a release would do to usage and money, as a person or a program reads it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tieout.cli.options import opened
from tieout.cli.screen import Json, grouped, note, print_json, say, table

if TYPE_CHECKING:
    from tieout.flows.preview_release import Effect, Preview, PreviewedItem

ITEMS_SHOWN = 100


def preview_command(
    home: Path, item: str | None, group: str | None, corrected: Path | None, *, as_json: bool
) -> None:
    """Stores nothing."""
    from tieout.flows.preview_release import preview_group, preview_release
    from tieout.flows.release_item import read_correction

    with opened(home) as where:
        if item is not None:
            correction = None if corrected is None else read_correction(corrected)
            found = preview_release(where, item, correction=correction)
        else:
            assert group is not None, "one of the two is named"
            found = preview_group(where, group)
    if as_json:
        print_json(_preview_json(found))
    else:
        say_preview(found)


def say_preview(found: Preview) -> None:
    columns = ("item", "would be", "reason", "subject", "customer", "time", "late for")
    say(
        table(
            columns,
            (_item_cells(each) for each in found.items[:ITEMS_SHOWN]),
            title=f"Preview as of batch {found.watermark}, {found.standing}; nothing was stored",
        )
    )
    beyond = len(found.items) - ITEMS_SHOWN
    if beyond > 0:
        note(f"{beyond} more items are previewed and not listed; --json lists all.")
    if found.left_out:
        note(f"{found.left_out} more items of the group are not part of this preview.")
    for effect in found.effects:
        _say_effect(effect)
    if not found.effects:
        say("No open period changes.")


def _item_cells(each: PreviewedItem) -> list[str]:
    from tieout.kernel.instant import format_instant

    event = each.event
    reason = f"{each.reason} {each.detail}".strip() if each.reason else each.detail
    return [
        str(each.item),
        each.verdict.name.lower(),
        reason,
        "" if event is None else event.subject,
        "" if event is None else each.customer or "none: unmatched",
        "" if event is None else format_instant(event.time),
        ", ".join(each.late_for),
    ]


def _say_effect(effect: Effect) -> None:
    from tieout.kernel.instant import format_instant

    period = f"{format_instant(effect.period.start)} to {format_instant(effect.period.end)}"
    title = f"{effect.customer}: {period}, a draft, not under a signed policy"
    if effect.problem is not None:
        say(f"{title}\nIt cannot be rated: {effect.problem}")
        return
    rows = (
        [
            row.description,
            row.unit,
            grouped(str(row.quantity_before)),
            grouped(str(row.quantity_after)),
            grouped(row.amount_before.decimal_text),
            grouped(row.amount_after.decimal_text),
            row.amount_after.currency.code,
        ]
        for row in effect.rows
        if row.changes
    )
    columns = ("line", "unit", "quantity now>", "then>", "amount now>", "then>", "")
    say(table(columns, rows, title=title))


def _preview_json(found: Preview) -> Json:
    return {
        "standing": found.standing,
        "watermark": found.watermark,
        "left_out": found.left_out,
        "items": [_item_json(each) for each in found.items],
        "effects": [_effect_json(effect) for effect in found.effects],
    }


def _item_json(each: PreviewedItem) -> Json:
    from tieout.kernel.instant import format_instant

    return {
        "item": str(each.item),
        "verdict": each.verdict.name.lower(),
        "reason": each.reason or None,
        "detail": each.detail or None,
        "original": None if each.original is None else str(each.original),
        "subject": None if each.event is None else each.event.subject,
        "time": None if each.event is None else format_instant(each.event.time),
        "customer": each.customer,
        "late_for": list(each.late_for),
    }


def _effect_json(effect: Effect) -> Json:
    from tieout.kernel.instant import format_instant

    return {
        "customer": effect.customer,
        "period": {"start": format_instant(effect.period.start), "end": format_instant(effect.period.end)},
        "problem": effect.problem,
        "rows": [
            {
                "subscription": row.subscription,
                "description": row.description,
                "meter": row.meter or None,
                "unit": row.unit,
                "quantity": {"before": str(row.quantity_before), "after": str(row.quantity_after)},
                "amount": {"before": row.amount_before.decimal_text, "after": row.amount_after.decimal_text},
                "currency": row.amount_after.currency.code,
            }
            for row in effect.rows
        ],
    }
