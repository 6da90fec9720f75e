"""`tieout reconcile waiver ...`: a known difference to what a source states passes, once finance, ops and
engineering have signed exactly its numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.out_file import ForceOption, may_write
from tieout.cli.refusals import MalformedOption
from tieout.cli.screen import Json, note, plain, print_json, say, table

if TYPE_CHECKING:
    from tieout.flows.waivers import WaiverState
    from tieout.ingest.sequence import Range

app = typer.Typer(
    help="Differences to a source's control total or numbers: propose, request, submit, show.",
    no_args_is_help=True,
)


@app.command()
def propose(
    source: Annotated[str, typer.Argument(help="The source that states it.", show_default=False)],
    home: HomeOption,
    by: Annotated[str, typer.Option("--by", help="Who proposes; another three sign.", show_default=False)],
    reason: Annotated[str, typer.Option("--reason", help="Why it may pass; it is signed.")],
    statement: Annotated[
        str | None, typer.Argument(metavar="[TOTAL-ID]", help="The control total's id.", show_default=False)
    ] = None,
    numbers: Annotated[
        str | None, typer.Option(help="Numbers that never came instead, as FIRST-LAST of a whole gap.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Propose that the difference as it is now may pass; it does not until three have signed."""
    from tieout.flows.waivers import propose_numbers, propose_waiver

    if (statement is None) == (numbers is None):
        raise MalformedOption("waiver propose", "give the id of a control total, or --numbers")
    with opened(home) as where:
        if numbers is not None:
            state = propose_numbers(where, source, _range(numbers), by=by, reason=reason)
        else:
            state = propose_waiver(where, source, statement or "", by=by, reason=reason)
    if as_json:
        print_json(_json(state))
    else:
        say(plain(f"Waiver {state.proposed.digest}: {state.proposed.document}"))
        note("Next: tieout reconcile waiver request DIGEST --out FILE, for finance, ops and engineering.")


@app.command()
def request(
    digest: Annotated[str, typer.Argument(help="The waiver's, or its beginning.", show_default=False)],
    home: HomeOption,
    out: Annotated[Path, typer.Option(help="Where to write the request.", show_default=False)],
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write the file that the signers need; they sign it with `tieout policy sign`, offline."""
    from tieout.flows.waivers import write_waiver_request

    may_write(out, force=force)
    with opened(home) as where:
        asked = write_waiver_request(where, digest, out)
    if as_json:
        print_json({"file": str(out), "statement": asked.key, "digest": asked.document_digest})
    else:
        say(plain(f"{out}: request to waive {asked.key}"))


@app.command()
def submit(
    signature: Annotated[Path, typer.Argument(help="From policy sign.", show_default=False)],
    home: HomeOption,
    as_json: JsonOption = False,
) -> None:
    """Verify a signature and record it."""
    from tieout.flows.waivers import add_waiver_signature

    with opened(home) as where:
        state = add_waiver_signature(where, signature)
    _say([state], as_json=as_json, one=True)


@app.command()
def show(home: HomeOption, as_json: JsonOption = False) -> None:
    """Every waiver: what it lets pass, who signed, and which roles are missing."""
    from tieout.flows.waivers import waivers

    with opened(home) as where:
        found = waivers(where)
    _say(list(found), as_json=as_json, one=False)


def _range(text: str) -> Range:
    first, _, last = text.partition("-")
    parts = [part for part in (first, last or first) if part.isascii() and part.isdigit() and len(part) <= 18]
    if len(parts) != 2 or int(parts[0]) > int(parts[1]):
        raise MalformedOption("--numbers", f"{text!r} is not FIRST-LAST, such as 5-7")
    return int(parts[0]), int(parts[1])


def _say(states: list[WaiverState], *, as_json: bool, one: bool) -> None:
    if as_json:
        print_json(_json(states[0]) if one else [_json(state) for state in states])
        return
    columns = ("source", "statement", "reason", "proposed by", "signed by", "missing", "holds", "digest")
    rows = (
        [
            *(state.proposed.source, state.proposed.statement, state.proposed.reason, state.proposed.person),
            "\n".join(f"{each.person} ({each.role.value})" for each in state.signatures),
            ", ".join(role.value for role in state.missing),
            "not yet" if state.good is None else "for these numbers",
            state.proposed.digest[:16],
        ]
        for state in states
    )
    say(table(columns, rows))


def _json(state: WaiverState) -> Json:
    import json

    from tieout.kernel.instant import format_instant

    proposed = state.proposed
    return {
        "digest": proposed.digest,
        "source": proposed.source,
        "statement": proposed.statement,
        "document": json.loads(proposed.document),
        "proposed_by": proposed.person,
        "proposed_at": format_instant(proposed.proposed_at),
        "reason": proposed.reason,
        "signatures": [
            {
                "role": each.role.value,
                "person": each.person,
                "key_id": each.key_id,
                "signed_at": format_instant(each.signed_at),
            }
            for each in state.signatures
        ],
        "missing": [role.value for role in state.missing],
        "standing": state.good is not None,
    }
