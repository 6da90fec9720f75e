"""`tieout index`: the files that know every accepted identity, derived from the log and built from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.screen import grouped, note, print_json, progress, say, table

if TYPE_CHECKING:
    from tieout.ports import IndexStatus

app = typer.Typer(no_args_is_help=True, help="The identity index: its files, and how it is built again.")


@app.command()
def status(home: HomeOption, as_json: JsonOption = False) -> None:
    """Show the files that look-ups read. Exit code 1 when one cannot be used; nothing is lost then."""
    from tieout.flows.identity_index import index_status

    with opened(home) as where:
        found = index_status(where)
    _show(found, as_json=as_json)
    if found.faults:
        note(f"tieout: {len(found.faults)} faults; `tieout index rebuild` builds the index from the log.")
        raise typer.Exit(1)


@app.command()
def rebuild(home: HomeOption, as_json: JsonOption = False) -> None:
    """Build the index again from the log, to the same bytes. Others may go on ingesting meanwhile."""
    from tieout.flows.identity_index import rebuild_index

    with opened(home) as where, progress("Building the identity index") as advance:
        found = rebuild_index(where, progress=advance)
    _show(found, as_json=as_json)


def _show(found: IndexStatus, *, as_json: bool) -> None:
    identities = sum(one.identities for one in found.ranges)
    size = sum(one.bytes for one in found.ranges)
    if as_json:
        print_json(
            {
                "head": found.head,
                "filed": found.filed,
                "identities": identities,
                "bytes": size,
                "leftover_files": found.leftover,
                "files": [
                    {
                        "first_batch": one.first_batch,
                        "last_batch": one.last_batch,
                        "identities": one.identities,
                        "bytes": one.bytes,
                    }
                    for one in found.ranges
                ],
                "faults": list(found.faults),
            }
        )
        return
    rows = (
        [*(grouped(str(n)) for n in (one.first_batch, one.last_batch, one.identities, one.bytes))]
        for one in found.ranges
    )
    if found.ranges:
        say(table(("first batch>", "last batch>", "identities>", "bytes>"), rows))
    newest = found.head - found.filed
    say(
        f"{grouped(str(identities))} identities in {len(found.ranges)} files, {grouped(str(size))} bytes; "
        f"the newest {grouped(str(newest))} of {grouped(str(found.head))} batches are learned from the log."
    )
    for fault in found.faults:
        say(fault)
