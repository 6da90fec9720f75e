"""`tieout quarantine list|show`: what was received and not accepted, why, and its bytes as they came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.screen import Json, note, print_json, say, table

if TYPE_CHECKING:
    from tieout.ports import QuarantinedItem

app = typer.Typer(help="Items in quarantine: list and show.", no_args_is_help=True)


@app.command("list")
def list_(
    home: HomeOption,
    reason: Annotated[
        str | None, typer.Option(help="Only this reason code, such as number-malformed.")
    ] = None,
    limit: Annotated[
        int, typer.Option(help="At most so many rows, in the order of arrival.", min=1, max=10_000)
    ] = 100,
    as_json: JsonOption = False,
) -> None:
    """Items that no meter may count, and why."""
    from tieout.flows.quarantine import list_quarantine

    with opened(home) as where:
        rows = list_quarantine(where, reason=reason, limit=limit)
    if as_json:
        print_json([_item_json(row) for row in rows])
        return
    columns = ("id", "reason", "field", "file", "line>", "source", "event id", "detail")
    cells = (
        [
            str(row.position),
            row.reason.code,
            row.field or "",
            row.origin.rpartition("/")[2],
            str(row.line),
            row.source,
            row.event_id or "",
            row.detail,
        ]
        for row in rows
    )
    say(table(columns, cells))
    if len(rows) == limit:
        note(f"Only {limit} rows are shown; --limit shows more.")


@app.command()
def show(
    item: Annotated[str, typer.Argument(help="Its id in the list.", show_default=False)],
    home: HomeOption,
    as_json: JsonOption = False,
) -> None:
    """One item with its bytes, escaped where they are not printable text."""
    from tieout.flows.quarantine import show_quarantine

    with opened(home) as where:
        shown = show_quarantine(where, item)
    found: dict[str, Json] = {**_item_json(shown.item), "raw": raw_text(shown.item.raw)}
    if shown.original is not None:
        found["original"] = str(shown.original.position)
    if as_json:
        print_json(found)
    else:
        say(
            table(
                ("field", "value"),
                ([name, "" if value is None else str(value)] for name, value in found.items()),
            )
        )


def raw_text(raw: bytes) -> str:
    """The bytes as text; what is no UTF-8 is shown as an escape and never dropped."""
    return raw.decode("utf-8", errors="backslashreplace")


def _item_json(row: QuarantinedItem) -> dict[str, Json]:
    from tieout.kernel.instant import format_instant

    return {
        "id": str(row.position),
        "verdict": row.verdict.name.lower(),
        "reason": row.reason.code,
        "field": row.field,
        "detail": row.detail,
        "source": row.source,
        "event_id": row.event_id,
        "file": row.origin,
        "line": row.line,
        "received_at": format_instant(row.received_at),
        "original": None if row.original is None else str(row.original),
    }
