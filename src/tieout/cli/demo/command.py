"""`tieout demo`: the whole path on generated traffic or, with `--data`, on real usage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.options import JsonOption
from tieout.cli.screen import Json, grouped, note, print_json

if TYPE_CHECKING:
    from tieout.cli.demo.acts import Show

EVENTS_COUNT = 200_000
EVENTS_COUNT_MIN = 2_000
EVENTS_COUNT_MAX = 5_000_000
SEED = 20_260_101


def demo(
    home: Annotated[
        Path, typer.Option("--home", help="Its data folder; one that it left before is replaced.")
    ] = Path("demo-home"),
    data: Annotated[
        Path | None,
        typer.Option(help="A folder with the real data sets; see docs/data-sets.md.", show_default=False),
    ] = None,
    events: Annotated[
        int, typer.Option(help="How many events to generate.", min=EVENTS_COUNT_MIN, max=EVENTS_COUNT_MAX)
    ] = EVENTS_COUNT,
    seed: Annotated[int, typer.Option(help="Another seed, other traffic.", min=0)] = SEED,
    as_json: JsonOption = False,
) -> None:
    """From a usage file to an invoice that traces back to its events."""
    from time import monotonic_ns

    from tieout.cli.demo.acts import Show, tell_equation, verify_everything
    from tieout.cli.demo.narrator import Narrator
    from tieout.cli.demo.run_generated import STAGE_AT as GENERATED_AT
    from tieout.cli.demo.run_generated import play_generated, prepare_generated
    from tieout.cli.demo.run_real import STAGE_AT as REAL_AT
    from tieout.cli.demo.run_real import play_real, present
    from tieout.cli.demo.stage import set_stage

    began = monotonic_ns()
    narrator = Narrator(stderr=as_json)
    if data is not None:
        present(data)
    stage = set_stage(home, now=GENERATED_AT if data is None else REAL_AT)
    with stage.home:
        show = Show(stage, narrator)
        if data is None:
            play_generated(show, prepare_generated(show, events_count=events, seed=seed))
        else:
            play_real(show, data)
        narrator.chapter("The books tie out")
        tell_equation(show)
        verify_everything(show)
        summary = _summary(show, home, tenths=(monotonic_ns() - began) // 100_000_000)
    narrator.tell(
        f"{grouped(str(summary['events_per_second']))} events/s read to a durable, deduplicated log; "
        f"the whole demo took {summary['seconds']} s."
    )
    if as_json:
        print_json(summary)
    else:
        note(f"\nThe home stays in {home}. Try:\n  export TIEOUT_HOME={home}\n  tieout invoice list")


def _summary(show: Show, home: Path, *, tenths: int) -> dict[str, Json]:
    from tieout.cli.demo.tally import tally
    from tieout.flows.invoices import list_invoices

    first, everything = tally(show.first), tally(show.first + show.again)
    traced = show.traced
    assert traced is not None, "both demos trace a line"
    return {
        "home": str(home),
        "received": first.received,
        "accepted": first.accepted,
        "duplicate": first.duplicate,
        "conflict": first.conflict,
        "quarantined": first.quarantined,
        "read_again_accepted": tally(show.again).accepted,
        "invoices": len(list_invoices(show.stage.home, customer=None)),
        "traced": {
            "line": traced.line.id,
            "quantity": str(traced.reproduced.quantity),
            "amount": traced.amount.decimal_text,
            "matches": traced.reproduced.matches,
        },
        "events_per_second": everything.events_per_second,
        "seconds": f"{tenths // 10}.{tenths % 10}",
    }
