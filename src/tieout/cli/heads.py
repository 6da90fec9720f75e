"""`tieout evidence heads|roots`: what the log was at each seal; copies for others, and what others
keep, checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.out_file import ForceOption, may_write, write_whole
from tieout.cli.screen import Json, complain, grouped, note, print_json, say, table
from tieout.kernel.errors import IntegrityViolation, NotFound, Refusal

if TYPE_CHECKING:
    from tieout.evidence.head import KeptHead
    from tieout.ports import LogFinding
    from tieout.wiring import Home

SIGNATURE_SUFFIX = ".minisig"
COPY_BYTES_MAX = 16_384
KeyFileOption = Annotated[
    Path | None,
    typer.Option("--key", help="The public key kept with the copy; else this home's.", show_default=False),
]


class HeadsUsage(Refusal):
    """Options that exclude each other, or ask for nothing."""

    code = "heads-usage"


class CopyUnreadable(NotFound):
    """A copy of a head or its signature cannot be read."""

    code = "copy-unreadable"

    def __init__(self, file: Path, why: str) -> None:
        super().__init__(
            f"{file} cannot be read: {why}. A copy is two files beside each other, FILE and "
            f"FILE{SIGNATURE_SUFFIX}: ask whoever exported it for the one that is missing."
        )


class KeyUnreadable(NotFound):
    """The public key of a copy cannot be read."""

    code = "key-unreadable"

    def __init__(self, file: Path, why: str) -> None:
        super().__init__(
            f"The key file {file} cannot be read: {why}. --key names the public key kept with the copy."
        )


class PackUnreadable(NotFound):
    """A pack cannot be read."""

    code = "pack-unreadable"

    def __init__(self, file: Path, why: str) -> None:
        super().__init__(f"The pack {file} cannot be read: {why}.")


class KeyFileWrong(Refusal):
    """What --key names is no public key."""

    code = "not-a-public-key"

    def __init__(self, file: Path) -> None:
        super().__init__(
            f"{file} is no Ed25519 public key in PEM or minisign form. Nothing was compared: --key names the "
            "public key that was kept with the copy, not its signature and no private key."
        )


def heads(
    home: HomeOption,
    export: Annotated[
        Path | None,
        typer.Option(help="Write a head to this file, and its signature beside it.", show_default=False),
    ] = None,
    number: Annotated[
        int | None,
        typer.Option(help="With --export: which head; the last one otherwise.", show_default=False),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(help="Hold a copy that was kept elsewhere against this log.", show_default=False),
    ] = None,
    key: KeyFileOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """What the log was at each seal: its last batch, and the digest that covers all before it; and heads with
    roots, under which a stranger can prove that an event was in the log.

    `--export` states one with roots over all that came since the last (about a second for each million
    events), unless `--number` names an earlier head. Give exported heads to somebody else (an auditor, a
    customer, a public list): whoever has one can tell later whether the log was rewritten, and of each pack
    that is built from then on whether its events were there. `--check` compares such a copy with this log;
    exit code 6 where it no longer holds. `tieout verify` recomputes the whole chain and all roots, and with
    `--head FILE` compares a copy too.
    """
    if export is not None and check is not None:
        raise HeadsUsage("--export writes a copy and --check reads one; give one of the two.")
    if number is not None and export is None:
        raise HeadsUsage("--number says which head to export; give --export FILE too.")
    if export is not None:
        _export(home, export, number, force=force, as_json=as_json)
    elif check is not None:
        _check(home, check, key, as_json=as_json)
    else:
        _list(home, as_json=as_json)


def roots(
    pack: Annotated[Path, typer.Argument(help="The pack's file.", show_default=False)],
    home: HomeOption,
    as_json: JsonOption = False,
) -> None:
    """Compute again, from this log, the roots that a pack states, and the digest of its last head.

    Only who has the log can: together with `tieout verify`, which holds every row to the chain, and every
    head to its roots, it shows that the pack is of this log. Exit code 6 where anything differs.
    """
    from tieout.flows.verify_roots import verify_roots

    content = read_copy(pack, bytes_max=None, refusal=PackUnreadable)
    with opened(home) as where:
        found = verify_roots(where, content)
    if as_json:
        told: dict[str, Json] = {"batch": found.batch, "pieces": found.pieces, "rows": found.rows}
        print_json({**told, "findings": _findings(found.findings)})
    elif found.findings:
        say(table(("what", "where", "detail"), [[row.what, row.where, row.detail] for row in found.findings]))
    else:
        told_of = f"{found.pieces:,} roots over {found.rows:,} events"
        say(f"{told_of}, and the digest of batch {found.batch:,}: as stated.")
    if found.findings:
        complain(f"{pack}: it states another log than this one.")
        raise typer.Exit(IntegrityViolation.exit_code)


def _findings(findings: Sequence[LogFinding]) -> list[Json]:
    return [{"what": row.what, "where": row.where, "detail": row.detail} for row in findings]


def _list(home: Path, *, as_json: bool) -> None:
    with opened(home) as where:
        kept = where.books.heads.all()
    told = [head_json(each) for each in kept]
    if as_json:
        print_json(told)
        return
    if not kept:
        say("No head is kept yet: a seal states one, and so does --export.")
        return
    columns = ("number", "batch", "digest", "roots up to", "stated at", "signed by key")
    say(table(columns, [_row(each) for each in told]))
    unsigned = sum(each.signature is None for each in kept)
    if unsigned:
        note(f"{unsigned:,} heads wait for a key to be signed with: `tieout evidence key --create`.")


def _row(told: dict[str, Any]) -> list[str]:
    signed = "unsigned" if told["key_number"] is None else str(told["key_number"])
    return [
        str(told["number"]),
        grouped(str(told["batch"])),
        str(told["digest"]),
        "" if told["roots"] is None else grouped(str(told["roots"]["upto"])),
        str(told["stated_at"]),
        signed,
    ]


def head_json(kept: KeptHead) -> dict[str, Json]:
    from tieout.evidence.head import digest_of, head_of
    from tieout.evidence.pack.minisign import key_number
    from tieout.kernel.instant import format_instant

    head, signature = head_of(kept.statement), kept.signature
    roots: dict[str, Json] | None = None
    if head.roots is not None:
        roots = {
            "upto": head.roots.upto,
            "pieces": head.roots.pieces,
            "root": head.roots.root,
            "folio": head.roots.folio,
            "folio_digest": head.roots.folio_digest,
        }
    return {
        "number": head.number,
        "batch": head.batch,
        "digest": head.digest,
        "stated_at": format_instant(head.stated_at),
        "previous": head.previous,
        "close_run": kept.run,
        "roots": roots,
        "statement_sha256": digest_of(kept.statement),
        "key_number": None if signature is None else key_number(signature.public_key)[::-1].hex().upper(),
        "signed_at": None if signature is None else format_instant(signature.signed_at),
    }


def _export(home: Path, out: Path, number: int | None, *, force: bool, as_json: bool) -> None:
    from tieout.flows.head_copy import head_copy

    beside = signature_beside(out)
    for each in (out, beside):
        may_write(each, force=force)
    with opened(home) as where:
        copy = head_copy(where, number)
    write_whole(out, copy.statement)
    write_whole(beside, copy.signature)
    if as_json:
        files: list[Json] = [str(out), str(beside)]
        print_json({"number": copy.head.number, "batch": copy.head.batch, "files": files})
        return
    rooted = "" if copy.head.roots is None else f", with roots up to batch {copy.head.roots.upto:,}"
    say(f"Head {copy.head.number}, of batch {copy.head.batch:,}{rooted}: {out} and {beside}.")
    note("Give both to somebody else; they check with minisign -V, and later with --check or --head.")


def _check(home: Path, file: Path, key: Path | None, *, as_json: bool) -> None:
    with opened(home) as where:
        told, findings = checked_copy(where, file, key)
    if as_json:
        print_json({**told, "holds": not findings, "findings": _findings(findings)})
    elif findings:
        say(table(("what", "where", "detail"), [[row.what, row.where, row.detail] for row in findings]))
    else:
        say(f"Head {told['number']} holds: batch {told['batch']} still has digest {told['digest']}.")
    if findings:
        complain(f"{file}: this log is not the one that was stated then.")
        raise typer.Exit(IntegrityViolation.exit_code)


def checked_copy(home: Home, file: Path, key: Path | None) -> tuple[dict[str, Json], list[LogFinding]]:
    """What the copy in `file` states, and what does not hold. Raises `CopyUnreadable`, `KeyUnreadable`,
    `KeyFileWrong`, `BadHeadFile`."""
    from tieout.evidence.verify.minisign import NotAPublicKey
    from tieout.flows.verify_heads import copy_findings

    statement, signature = read_copy(file), read_copy(signature_beside(file))
    key_file = None if key is None else read_copy(key, refusal=KeyUnreadable)
    try:
        head, findings = copy_findings(home, statement, signature, key_file, file=str(file))
    except NotAPublicKey:
        assert key is not None, "the home's own keys are such"
        raise KeyFileWrong(key) from None
    told: dict[str, Json] = {
        "number": head.number,
        "batch": head.batch,
        "digest": head.digest,
        "stated_at": head.stated_at,
    }
    return told, findings


def signature_beside(file: Path) -> Path:
    return file.with_name(file.name + SIGNATURE_SUFFIX)


def read_copy(
    file: Path,
    *,
    bytes_max: int | None = COPY_BYTES_MAX,
    refusal: type[CopyUnreadable | KeyUnreadable | PackUnreadable] = CopyUnreadable,
) -> bytes:
    try:
        with file.open("rb") as read:
            return read.read(bytes_max)
    except OSError as error:
        raise refusal(file, error.strerror or str(error)) from None
