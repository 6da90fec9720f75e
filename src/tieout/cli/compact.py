"""`tieout compact`: bodies into segments, small segments into larger ones; with --keep, until stopped."""

from __future__ import annotations

import signal
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.screen import complain, grouped, note, print_json, say

if TYPE_CHECKING:
    from tieout.flows.keep_log import Kept, Round
    from tieout.wiring import Home


def compact(
    home: HomeOption,
    everything: Annotated[
        bool, typer.Option("--all", help="Compact a tail of any length, not only one that is worth it.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Go on, beside servers, until SIGTERM or Ctrl-C.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Turn stored batches into sorted segments, merge small ones, remove what is retired.

    Exit code 5 when database or segments cannot be written now; nothing is lost then.
    """
    from tieout.flows.keep_log import keep_once

    with opened(home) as where:
        if keep:
            _show_kept(_kept(where), as_json=as_json)
            return
        latest = keep_once(where, rows_min=1 if everything else None)
    if latest.failure is not None:
        raise latest.failure
    if as_json:
        print_json({**asdict(latest.done), "wal_bytes": latest.wal_bytes})
        return
    if latest.done.busy:
        note("Another process is compacting; left to it.")
    done = latest.done
    say(
        f"{grouped(str(done.compacted))} segments written from batches, {grouped(str(done.merged))} by "
        f"merging; {grouped(str(done.orphans))} orphans and {grouped(str(done.removed))} retired items "
        "removed."
    )
    _warn(latest)


def _kept(where: Home) -> Kept:
    from tieout.flows.keep_log import keep_log

    stopped: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: stopped.append(number))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        return keep_log(where, stop=lambda: bool(stopped), told=_warn)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _warn(latest: Round) -> None:
    if latest.failure is not None:
        complain(str(latest.failure))
    if latest.wal_is_long:
        complain(
            f"the write-ahead log is {grouped(str(latest.wal_bytes // 1_048_576))} MiB long: a reader keeps "
            "it from being shortened, or the disk is slow"
        )


def _show_kept(kept: Kept, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(kept))
        return
    say(
        f"{grouped(str(kept.rounds))} rounds: {grouped(str(kept.compacted))} segments written from batches, "
        f"{grouped(str(kept.merged))} by merging; {grouped(str(kept.orphans))} orphans and "
        f"{grouped(str(kept.removed))} retired items removed; {grouped(str(kept.failures))} rounds failed."
    )
