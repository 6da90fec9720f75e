"""`tieout replay record|expect|freeze|run|results`: frozen calls through the whole path, and what must come
out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.out_file import ForceOption, may_write, write_whole
from tieout.cli.parallel import parallel
from tieout.cli.refusals import MalformedOption
from tieout.cli.screen import complain, note, plain, print_json, progress, say, table
from tieout.replay.face import Origin, What

if TYPE_CHECKING:
    from tieout.flows.record_replay_set import RecordedSet
    from tieout.replay.ran import ReplayRun
    from tieout.replay.result import ReplayResult

app = typer.Typer(
    help="Replay sets: record, expect, freeze, run, results; and a parallel run beside another system.",
    no_args_is_help=True,
)
app.command()(parallel)
SetArgument = Annotated[Path, typer.Argument(metavar="SET", help="The set's folder.", show_default=False)]
DIFFERENCES_SHOWN_MAX = 50


@app.command()
def record(
    where: SetArgument,
    home: HomeOption,
    name: Annotated[
        str | None, typer.Option(help="What the set is called.", show_default="the folder's name")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--from", help="Compare periods that start then or later.", show_default=False),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="Record what happened before then.", show_default=False)
    ] = None,
    account: Annotated[
        list[str] | None, typer.Option(help="Only this customer; may be repeated.", show_default=False)
    ] = None,
    expected: Annotated[
        list[Path] | None,
        typer.Option(help="CSV with expected lines; may be repeated.", show_default=False),
    ] = None,
    origin: Annotated[
        Origin | None, typer.Option(help="Where what is expected comes from.", show_default=False)
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", help="Who stands for what is expected.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Freeze this home's events, decisions and documents into a set, from the beginning on.

    What is expected comes from outside: name it here, or later with `tieout replay expect`. Without, what the
    home sealed is expected, the set says so, and fails as a gate.
    """
    from tieout.flows.record_replay_set import Expectation
    from tieout.flows.record_replay_set import record as record_set
    from tieout.kernel.ids import CustomerId
    from tieout.kernel.instant import parse_instant

    if expected and (origin is None or by is None):
        raise MalformedOption("--expected", "say where it comes from and who stands for it: --origin, --by")
    files = [Expectation(each, What.LINES, origin, by) for each in expected or () if origin and by]
    with opened(home) as opened_home:
        done = record_set(
            opened_home,
            where,
            name=name or where.resolve().name.lower(),
            since=None if since is None else parse_instant(since),
            until=None if until is None else parse_instant(until),
            accounts=None if account is None else [CustomerId(each) for each in account],
            expected=files,
        )
    _say_recorded(where, done, as_json=as_json)


def _say_recorded(where: Path, done: RecordedSet, *, as_json: bool) -> None:
    left_out = () if done.face.recording is None else done.face.recording.left_out
    if as_json:
        print_json(
            {
                "set": str(where),
                "name": done.face.name,
                "calls": done.calls,
                "items": done.items,
                "lines": done.lines,
                "expected": [each.file for each in done.face.expected],
                "left_out": list(left_out),
            }
        )
        return
    say(f"{where}: {done.calls:,} calls, {done.items:,} items; the home sealed {done.lines:,} lines.")
    for each in left_out:
        note(f"Left out, so that the set fails as a gate: {each}.")
    if all(each.origin is Origin.RECORDED for each in done.face.expected):
        note(
            "What is expected is recorded from the product itself: the set fails as a gate until somebody "
            "outside states lines (tieout replay expect)."
        )


@app.command()
def run(
    where: SetArgument,
    catalog: Annotated[
        Path | None,
        typer.Option(
            help="A candidate catalog: its documents take the place of the set's.", show_default=False
        ),
    ] = None,
    gate: Annotated[bool, typer.Option("--gate", help="Exit 1 too where the set fails as a gate.")] = False,
    report: Annotated[
        Path | None, typer.Option(help="A folder for report.md and report.json.", show_default=False)
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option("--keep-in", help="A home that keeps the result, for readiness.", show_default=False),
    ] = None,
    force: ForceOption = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that decode and draft.", show_default="all cores")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Drive the calls of a set through the whole path in a scratch home, and compare with what is expected.

    Exit code 1 on any difference, 2 for a set that cannot be run. No home is needed, none is changed.
    """
    import os

    from tieout.flows.read_replay_set import read_set
    from tieout.flows.replay_run import replay
    from tieout.replay.report import markdown, report_json
    from tieout.wiring import FileRehearsalDesk, SystemClock, scratch_home

    found = read_set(where)
    page, machine = (None, None) if report is None else _report_files(report, force=force)
    with progress("Replaying") as advance:
        ran = replay(
            found,
            scratch_home,
            FileRehearsalDesk,
            now=SystemClock().now(),
            candidate=catalog,
            workers=workers or len(os.sched_getaffinity(0)),
            progress=advance,
        )
    if page is not None and machine is not None:
        write_whole(page, markdown(ran).encode())
        write_whole(machine, report_json(ran).encode())
    if keep is not None:
        _keep(keep, ran.result)
    if as_json:
        print_json(json.loads(report_json(ran)))
    else:
        _say_run(ran)
    if not ran.result.compares or (gate and not ran.result.passes_gate):
        complain("the replay differs from what is expected" if not ran.result.compares else "the gate fails")
        raise typer.Exit(1)


def _keep(folder: Path, result: ReplayResult) -> None:
    from tieout.flows.replay_results import keep_result

    with opened(folder) as home:
        kept = keep_result(home, result)
        note(f"Kept as result {kept.number} of {home.home_id}.")
        if kept.apart is not None:
            note(f"It is {kept.apart}, so it does not count for its readiness.")


def _report_files(folder: Path, *, force: bool) -> tuple[Path, Path]:
    """The page and the JSON, refused before anything is run where one of them is there."""
    folder.mkdir(parents=True, exist_ok=True)
    return may_write(folder / "report.md", force=force), may_write(folder / "report.json", force=force)


def _say_run(ran: ReplayRun) -> None:
    from tieout.replay.report import cause_lines, cells, face_lines, verdict_lines

    say(plain("\n".join(face_lines(ran))))
    if ran.refused:
        say(plain("\n".join(f"calls.jsonl:{each.line}, {each.kind}: {each.why}" for each in ran.refused)))
    if ran.differences:
        columns = ("stated", "what", "value", "expected>", "found>", "difference>", "first cause")
        say(table(columns, [cells(each) for each in ran.differences[:DIFFERENCES_SHOWN_MAX]]))
        more = len(ran.differences) - DIFFERENCES_SHOWN_MAX
        if more > 0:
            note(f"{more:,} more differences are in the report (--report, --json).")
        say(plain("\n".join(cause_lines(ran)[:DIFFERENCES_SHOWN_MAX])))
    for (customer, start), why in sorted(ran.waiting.items()):
        note(f"Not sealed: {customer}, {start or 'no period'}: {why}")
    covered = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in ran.result.coverage.items())
    say(f"Covered: {covered}.")
    say(plain("\n".join(verdict_lines(ran))))


@app.command()
def expect(
    where: SetArgument,
    file: Annotated[Path, typer.Argument(help="CSV; see docs/replay-sets.md.", show_default=False)],
    origin: Annotated[Origin, typer.Option(help="Where it comes from.", show_default=False)],
    by: Annotated[
        str, typer.Option("--by", help="Who stands for it: a person, a script.", show_default=False)
    ],
    what: Annotated[What, typer.Option(help="What it states.")] = What.LINES,
    why: Annotated[
        str | None,
        typer.Option(help="Why it takes the place of what was declared before.", show_default=False),
    ] = None,
) -> None:
    """Take a file of expectations into a set, with who stands for it; its digest is written down.

    What was declared of the file before stays on record. Where that was something else, the set is a gate
    only once another source stands for the new statement and says --why.
    """
    from tieout.flows.write_replay_set import expect as take
    from tieout.wiring import SystemClock

    taken = take(
        *(where, file.read_bytes()),
        name=file.name,
        what=what,
        origin=origin,
        by=by,
        at=SystemClock().now(),
        why=why,
    )
    stated, old = taken.stated, taken.replaced
    say(f"{stated.file}: {stated.what} by {stated.by} ({stated.origin}), SHA-256 {stated.sha256}")
    if old is not None:
        note(
            plain(
                f"It takes the place of {old.sha256[:12]} by {old.by} ({old.origin}), which stays on record."
            )
        )
    if origin is Origin.RECORDED:
        note("What is recorded from the product is true by itself: the set fails as a gate.")


@app.command()
def freeze(where: SetArgument) -> None:
    """Write down the digest of every input of a set, so that an edited one is noticed."""
    from tieout.flows.write_replay_set import freeze as freeze_set

    face = freeze_set(where)
    say(f"{len(face.files):,} files are frozen in {where / 'set.toml'}.")


@app.command()
def results(home: HomeOption, as_json: JsonOption = False) -> None:
    """Of each set the latest result that counts for this home's readiness, and the latest that does not.

    The home keeps all (`run --keep-in`). Those of another home's set, or with other terms than the home has
    now, do not count.
    """
    from tieout.flows.replay_results import latest_results
    from tieout.kernel.instant import format_instant
    from tieout.replay.result import result_text

    with opened(home) as opened_home:
        latest = latest_results(opened_home)
    if as_json:
        print_json(
            [
                {
                    **json.loads(result_text(each.result)),
                    "number": each.number,
                    "apart": each.apart,
                    "forgets": each.forgets,
                }
                for each in latest
            ]
        )
        return
    columns = ("number", "set", "run", "comparison", "gate", "terms", "outcome", "counts")
    rows = [
        [
            str(each.number),
            each.result.set_name,
            format_instant(each.result.ran_at),
            "ties" if each.result.compares else f"{each.result.differences:,} differences",
            "passes" if each.result.passes_gate and each.forgets is None else "FAILS",
            f"{'candidate ' if each.result.candidate else ''}{each.result.terms_digest[:12]}",
            each.result.outcome_digest[:12],
            "yes" if each.apart is None else f"no: {each.apart}",
        ]
        for each in latest
    ]
    say(table(columns, rows))
