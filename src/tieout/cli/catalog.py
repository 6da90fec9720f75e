"""`tieout catalog check|apply|show`, and how owners sign: what was promised, as TOML that lives in git."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli import approvals
from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.screen import Json, complain, note, plain, print_json, say, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tieout.contract.problem import Problem
    from tieout.flows.apply_catalog import CatalogApplied, CatalogRefused

app = typer.Typer(
    help="Contracts, meters, prices, plans, customers: check, apply, show, approve.", no_args_is_help=True
)
for verb in (approvals.pending, approvals.request, approvals.sign, approvals.approve):
    app.command()(verb)

FolderArgument = Annotated[Path, typer.Argument(help="A folder of *.toml files.", show_default=False)]
OptionalHome = Annotated[
    Path | None,
    typer.Option("--home", envvar="TIEOUT_HOME", help="Check against what this data folder holds."),
]


@app.command()
def check(folder: FolderArgument, home: OptionalHome = None, as_json: JsonOption = False) -> None:
    """List every problem of a catalog at once, with file and key. Changes nothing."""
    from tieout.flows.apply_catalog import check_at_home, check_catalog

    if home is None:
        result = check_catalog(folder)
    else:
        with opened(home) as where:
            result = check_at_home(where, folder)
    if as_json:
        print_json(
            {
                "documents": len(result.documents),
                "problems": problems_json(result.problems),
                "warnings": problems_json(result.warnings),
            }
        )
    else:
        for problem in result.problems:
            say(plain(str(problem)))
        note(f"{len(result.documents)} documents, {len(result.problems)} problems.")
    warn(result.warnings)
    if result.problems:
        raise typer.Exit(2)


@app.command()
def apply(folder: FolderArgument, home: HomeOption, as_json: JsonOption = False) -> None:
    """Store every new version of a catalog; refused as a whole when `check` finds a problem."""
    from tieout.flows.apply_catalog import CatalogRefused, apply_catalog
    from tieout.flows.approve_meter import unapproved

    try:
        with opened(home) as where:
            applied = apply_catalog(where, folder)
            waiting = unapproved(where)
    except CatalogRefused as refused:
        say_refused(refused, as_json=as_json)
        raise typer.Exit(refused.exit_code) from refused
    if as_json:
        found = problems_json(applied.warnings)
        pending: list[Json] = [approvals.change_json(change) for change in waiting.values()]
        print_json(
            {
                "added": added_json(applied),
                "unchanged": applied.unchanged,
                "pending": pending,
                "problems": [],
                "warnings": found,
            }
        )
        warn(applied.warnings)
        return
    counts: dict[str, int] = {}
    for kind, _, _ in applied.added:
        counts[str(kind)] = counts.get(str(kind), 0) + 1
    say(table(("kind", "versions added>"), ([kind, str(count)] for kind, count in sorted(counts.items()))))
    warn(applied.warnings)
    note(f"{len(applied.added)} versions added, {applied.unchanged} unchanged.")
    for change in waiting.values():
        note(f"{change.name} bills nobody until {change.owner} signs it; see tieout catalog pending.")


@app.command()
def show(
    home: HomeOption,
    kind: Annotated[str | None, typer.Argument(help="Only this kind: event, meter, price, plan, ...")] = None,
    key: Annotated[str | None, typer.Argument(help="Only this key.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the stored versions with their digests."""
    from tieout.cli.refusals import Unnamed
    from tieout.flows.apply_catalog import stored_documents
    from tieout.flows.approve_meter import changes
    from tieout.kernel.instant import format_instant

    with opened(home) as where:
        documents = stored_documents(where, kind=kind, key=key)
        signed = {change.meter.digest: change for change in changes(where)}
    if (kind or key) and not documents:
        raise Unnamed("catalog document", " ".join(filter(None, (kind, key))))
    if as_json:
        print_json(
            [
                {
                    "kind": str(document.kind),
                    "key": document.key,
                    "version": document.version,
                    "effective_from": format_instant(document.effective_from),
                    "digest": document.digest,
                    **(
                        {"approval": approvals.change_json(signed[document.digest])}
                        if document.digest in signed
                        else {}
                    ),
                }
                for document in documents
            ]
        )
        return
    say(
        table(
            ("kind", "key", "version>", "effective from", "digest", "approval"),
            (
                [
                    str(document.kind),
                    document.key,
                    str(document.version),
                    format_instant(document.effective_from),
                    document.digest[:16],
                    approvals.change_text(signed[document.digest]) if document.digest in signed else "",
                ]
                for document in documents
            ),
        )
    )


def warn(warnings: Sequence[Problem]) -> None:
    """Warnings refuse nothing, so they go to stderr, each with its place."""
    for warning in warnings:
        note(f"warning: {plain(str(warning))}")


def say_refused(refused: CatalogRefused, *, as_json: bool) -> None:
    """Every problem, and that nothing was applied."""
    if as_json:
        print_json({"added": [], "problems": problems_json(refused.problems)})
    for problem in refused.problems:
        complain(str(problem))
    note(f"Nothing was applied: {len(refused.problems)} problems.")


def added_json(applied: CatalogApplied) -> list[Json]:
    """Each version that an apply added."""
    return [{"kind": str(kind), "key": key, "version": version} for kind, key, version in applied.added]


def problems_json(problems: Sequence[Problem]) -> list[Json]:
    """Each problem with its place."""
    return [
        {
            "path": str(problem.path),
            "line": problem.line,
            "key": problem.key,
            "field": problem.field,
            "message": problem.message,
        }
        for problem in problems
    ]
