"""`tieout evidence key|build|verify|heads`: packs from which a stranger re-derives an invoice, their
check, and heads of the log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.heads import heads, read_copy, roots, signature_beside
from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.out_file import ForceOption, may_write, write_whole
from tieout.cli.screen import Json, complain, note, plain, print_json, say, table
from tieout.kernel.errors import NotFound

if TYPE_CHECKING:
    from tieout.evidence.verify.report import Report

app = typer.Typer(
    help="Evidence packs and heads of the log: key, build, verify, heads, roots.", no_args_is_help=True
)
app.command()(heads)
app.command()(roots)
INTEGRITY = 6


class NotReadable(NotFound):
    """A pack or key that is not there, or may not be read."""

    code = "not-readable"

    def __init__(self, file: Path, why: str) -> None:
        super().__init__(f"{file} cannot be read: {why}.")


@app.command()
def key(
    home: HomeOption,
    create: Annotated[bool, typer.Option("--create", help="Make the key, once.")] = False,
    pem: Annotated[bool, typer.Option("--pem", help="As OpenSSL reads it, not as minisign.")] = False,
    as_json: JsonOption = False,
) -> None:
    """The public key by which this installation's packs are verified, as minisign reads it, or as PEM.

    Whoever verifies packs should have it from you, not from a pack. TIEOUT_EVIDENCE_KEY names another file
    than the home's evidence.key for the private half.
    """
    from tieout.evidence.pack.minisign import key_number, public_key_pem, public_key_text
    from tieout.flows.keep_head import make_key

    with opened(home) as where:
        held = where.installation_key
        public = make_key(where) if create else held.public_key()
        place = held.place
    texts = {"minisign": public_key_text(public), "pem": public_key_pem(public)}
    if as_json:
        print_json({"number": key_number(public)[::-1].hex().upper(), **texts})
        return
    say(texts["pem" if pem else "minisign"].removesuffix("\n"))
    if create:
        note(
            f"The private key is in {place}. Keep a copy where no backup of the databases is: it is "
            f"made once."
        )


@app.command()
def build(
    name: Annotated[
        str, typer.Argument(help="An invoice's id or number, or a line's id.", show_default=False)
    ],
    home: HomeOption,
    out: Annotated[Path, typer.Option(help="The pack's file.", show_default=False)],
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Build the evidence pack of a sealed invoice, or of one of its lines.

    The same evidence gives the same bytes. Exit code 6 where what is stored is not what was sealed.
    """
    from tieout.flows.build_pack import build_pack

    may_write(out, force=force)
    with opened(home) as where:
        built = build_pack(where, name)
    write_whole(out, built.content)
    told: dict[str, Json] = {
        "file": str(out),
        "invoice": built.invoice.id,
        "number": built.invoice.number,
        "lines": list(built.lines),
        "events": built.events,
        "files": built.files,
        "bytes": len(built.content),
        "manifest_sha256": built.manifest_sha256,
    }
    if as_json:
        print_json(told)
        return
    say(
        f"{out}: invoice {built.invoice.number}, {len(built.lines):,} lines, {built.events:,} events, "
        f"{built.files:,} files, {len(built.content):,} bytes.\nManifest SHA-256 {built.manifest_sha256}"
    )


@app.command()
def verify(
    pack: Annotated[Path, typer.Argument(help="The pack's file.", show_default=False)],
    key_file: Annotated[
        Path,
        typer.Option("--key", help="The installation's public key, PEM or minisign.", show_default=False),
    ],
    head: Annotated[
        Path | None,
        typer.Option(
            help="A head of the log that you kept; its signature lies beside it.", show_default=False
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a pack with nothing but itself and the public key; every break is listed. Needs no home.

    With `--head`, the pack has to stand by a head of the log that somebody kept (`tieout evidence heads`).

    Exit code 6 where anything does not check.
    """
    from tieout.evidence.verify.verify import verify_pack

    kept = None if head is None else (read_copy(head), read_copy(signature_beside(head)))
    report = verify_pack(_content(pack), _content(key_file), kept)
    if as_json:
        print_json(report_json(report))
    else:
        _say_report(pack, report)
    if report.breaks:
        complain(f"{pack}: {len(report.breaks):,} breaks; this pack proves nothing as it is.")
        raise typer.Exit(INTEGRITY)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise NotReadable(file, error.strerror or str(error)) from None


def report_json(report: Report) -> Json:
    return {
        "checks": not report.breaks,
        "breaks": [
            {"file": each.file, "what": each.what, "expected": each.expected, "found": each.found}
            for each in report.breaks
        ],
        "checked": list(report.checked),
        "not_derived": list(report.not_derived),
    }


def _say_report(pack: Path, report: Report) -> None:
    if report.breaks:
        rows = [[each.file, each.what, each.expected, each.found] for each in report.breaks]
        say(table(("file", "what", "expected", "found"), rows))
        return
    told = [*report.checked, *(f"Not derived again: {each}" for each in report.not_derived)]
    say("\n".join(plain(each).replace("\n", "\\n") for each in told))  # a line each, whatever the pack says
    say(f"{pack} checks.")
