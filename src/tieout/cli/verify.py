"""`tieout verify`: recompute every digest of log and books from what is stored; a flipped byte is found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.heads import KeyFileOption, checked_copy
from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.screen import Json, grouped, note, print_json, progress, say, table
from tieout.kernel.errors import IntegrityViolation

if TYPE_CHECKING:
    from tieout.flows.verify_books import BooksVerification
    from tieout.ports import LogFinding, LogVerification


def verify(
    home: HomeOption,
    record_as: Annotated[
        str | None,
        typer.Option(
            help="Put the result on record under your name; a policy may require that before a seal.",
            show_default=False,
        ),
    ] = None,
    head: Annotated[
        list[Path] | None,
        typer.Option(
            help="A copy of a head, kept elsewhere, to hold against the log too; may be repeated.",
            show_default=False,
        ),
    ] = None,
    key: KeyFileOption = None,
    folio: Annotated[
        list[str] | None,
        typer.Option(
            help="A folio that was noted elsewhere, NUMBER:DIGEST as printed by this; may be repeated.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check the whole log, and of the books every row against its folio, and invoices, catalog documents,
    notices, heads and disputes against each other.

    Exit code 6 when anything stored is not what was written.
    """
    from tieout.flows.required_evidence import record_verification
    from tieout.flows.verify_books import noted_folio, verify_books
    from tieout.flows.verify_log import verify_log

    with opened(home) as where, progress("Verifying the log") as advance:
        copied = [found for copy in head or () for found in checked_copy(where, copy, key)[1]]
        copied += [found for noted in folio or () for found in noted_folio(where, noted)]
        report = verify_log(where, progress=advance)
        books = verify_books(where)
        findings = (*report.findings, *books.findings, *copied)
        if record_as is not None:
            record_verification(where, report, person=record_as, findings=len(findings))
    if as_json:
        print_json(_told(report, books, findings))
    else:
        _say(report, books, findings)
    if record_as is not None:
        note(f"On record as verified by {record_as}, up to batch {report.batches}.")
    if findings:
        note(f"tieout: {len(findings)} findings: what is stored is not what was written.")
        raise typer.Exit(IntegrityViolation.exit_code)


def _told(report: LogVerification, books: BooksVerification, findings: Sequence[LogFinding]) -> Json:
    return {
        "batches": report.batches,
        "received": report.received,
        "accepted": report.accepted,
        "segments": report.segments,
        "invoices": books.invoices,
        "documents": books.documents,
        "heads": books.heads,
        "folio": {"number": books.folio.number, "digest": books.folio.digest},
        "head_digest": report.head_digest.hex(),
        "findings": [{"what": row.what, "where": row.where, "detail": row.detail} for row in findings],
    }


def _say(report: LogVerification, books: BooksVerification, findings: Sequence[LogFinding]) -> None:
    batches, received, accepted, segments = (
        grouped(str(count)) for count in (report.batches, report.received, report.accepted, report.segments)
    )
    say(f"{batches} batches, {received} received items, {segments} segments: all read and recomputed.")
    invoices, documents = grouped(str(books.invoices)), grouped(str(books.documents))
    say(f"{invoices} sealed invoices and {documents} catalog documents: checked against their digests.")
    folios = grouped(str(books.folio.number + 1))
    say(f"{folios} folios of the books: every row is held against the one that added it.")
    if findings:
        say(table(("what", "where", "detail"), [[row.what, row.where, row.detail] for row in findings]))
        return
    say(f"Every digest is as it was written; {accepted} events are accepted.")
    if books.heads:
        say(f"The log goes on from each of {grouped(str(books.heads))} heads that were kept.")
    say(f"Head: {report.head_digest.hex()}")
    say(f"Folio: {books.folio.number}:{books.folio.digest}")
