"""The heads that were kept, and copies that somebody else kept, held against the log as it is now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tieout.evidence.head import Head, KeptHead, digest_of, head_of
from tieout.evidence.pack.minisign import key_number
from tieout.evidence.verify.head import ABOUT, StatedHead, signed_head
from tieout.evidence.verify.minisign import check_signature, public_key, signed_with
from tieout.evidence.verify.report import Report
from tieout.flows.home import Home
from tieout.flows.verify_roots import rooted_findings
from tieout.kernel.batch_digest import GENESIS_DIGEST
from tieout.kernel.errors import NotFound, Refusal, TieoutError
from tieout.kernel.ids import Watermark
from tieout.ports import LogFinding


class BadHeadFile(Refusal):
    """What was handed over is no copy of a head of this home, or nobody can tell whether it is."""

    code = "bad-head-file"

    def __init__(self, file: str, why: str, action: str) -> None:
        super().__init__(f"{file} {why}. Nothing was compared: {action}.")


AGAIN = "ask whoever exported the copy for both of its files again"


class NoKeyOfHeads(NotFound):
    """Nothing says by which key a copy has to be signed."""

    code = "no-key-of-heads"

    def __init__(self) -> None:
        super().__init__(
            "This home has no evidence key, and signed no head; name the public key that was kept with the "
            "copy, with --key."
        )


def head_findings(home: Home) -> Iterator[LogFinding]:
    """Every head that was kept is of this log, names the one before, has the signature of its key, and the
    roots that it states."""
    for run in home.books.heads.runs_without():
        yield LogFinding("head", f"run {run}", "it sealed invoices, and no head of it is kept")
    before: KeptHead | None = None
    yield from rooted_findings(home)
    for kept in home.books.heads.all():
        where = f"head {kept.number}"
        expected = (1, None) if before is None else (before.number + 1, digest_of(before.statement))
        before = kept
        try:
            head = head_of(kept.statement)
        except (ValueError, KeyError, TypeError, TieoutError) as error:
            yield LogFinding("head", where, f"its statement cannot be read: {error}")
            continue
        if (kept.number, head.number, head.previous) != (expected[0], *expected):
            yield LogFinding("head", where, "it does not follow the head before it")
        if head.home != home.home_id:
            yield LogFinding("head", where, f"it is of home {head.home}")
        if head.roots is None and kept.run is None:
            yield LogFinding("head", where, "it states no root, and is of no run")
        if head.roots is not None and kept.run is not None:
            yield LogFinding("head", where, f"it states a root, and is of run {kept.run}")
        yield from _of_log(home, head, where)
        if head.roots is not None:
            yield from _of_books(home, head.roots.folio, head.roots.folio_digest, where)
        yield from _of_signature(kept, where)


def _of_signature(kept: KeptHead, where: str) -> Iterator[LogFinding]:
    if kept.signature is None:
        return
    report = Report()
    text = kept.signature.text.encode()
    signed_head(kept.statement.encode(), text, kept.signature.public_key, file=where, report=report)
    for each in report.breaks:
        yield LogFinding("head", where, f"{each.what}: {each.expected} is expected, found {each.found}")


def copy_findings(
    home: Home, statement: bytes, signature: bytes, key_file: bytes | None, *, file: str
) -> tuple[StatedHead, list[LogFinding]]:
    """What of a copy does not hold here: nothing where the log goes on from what it was then. `key_file`: the
    public key that was kept with it; otherwise that of this home.

    Raises `BadHeadFile` where it is not signed by that key, is no head, or is of another home, in this order:
    nothing is concluded from what nobody signed. `NotAPublicKey`, `NoKeyOfHeads`.
    """
    given = key_file is not None
    keys = _own_keys(home) if key_file is None else [public_key(key_file)]
    key = _signing_key(signature, keys, given=given, file=file)
    _refuse_unsigned(statement, signature, key, file=file)
    report = Report()
    head = signed_head(statement, signature, key, file=file, report=report)
    if head is None or report.breaks:
        first = report.breaks[0]
        why = f"{first.what}: {first.expected} is expected, found {first.found}"
        raise BadHeadFile(first.file, f"is signed, and is no copy of a head ({why})", AGAIN)
    if head.home != home.home_id:
        why = f"is a head of home {head.home}, and this is home {home.home_id}"
        raise BadHeadFile(file, why, "check it against the home that it is of (--home)")
    where = f"{file}, head {head.number}"
    findings = [*_of_log(home, head, where)]
    if head.folio_digest is not None:
        findings += _of_books(home, head.folio, head.folio_digest, where)
    kept = {each.number: each for each in home.books.heads.all()}.get(head.number)
    if kept is None:
        findings.append(LogFinding("head", where, "no head of that number is kept here any more"))
    elif kept.statement.encode() != statement:
        findings.append(LogFinding("head", where, f"head {head.number} says something else here"))
    return head, findings


def _signing_key(signature: bytes, keys: Sequence[bytes], *, given: bool, file: str) -> bytes:
    """The one of `keys` whose number the signature names."""
    number = signed_with(signature)
    if number is None:
        raise BadHeadFile(f"{file}.minisig", "is no minisign signature", AGAIN)
    for key in keys:
        if key_number(key) == number:
            return key
    known = ", ".join(_shown(key_number(key)) for key in keys)
    whose = f"the key of --key is {known}" if given else f"this home signs with {known}"
    raise BadHeadFile(
        f"{file}.minisig",
        f"was made with key {_shown(number)}, and {whose}",
        "name the public key that was kept with the copy (--key), and the home that it is of (--home)",
    )


def _refuse_unsigned(statement: bytes, signature: bytes, key: bytes, *, file: str) -> None:
    """Whatever the statement says: the signature is over these bytes, by this key."""
    report = Report()
    check_signature(statement, signature, key, None, file=f"{file}.minisig", report=report, about=ABOUT)
    wrong = {each.what: each for each in report.breaks}
    if "signature" in wrong:
        raise BadHeadFile(file, "is not what was signed: it, or its .minisig, was changed or cut off", AGAIN)
    for each in report.breaks:
        why = f"is not as it was made: {each.what}: {each.expected} is expected, found {each.found}"
        raise BadHeadFile(each.file, why, AGAIN)


def _shown(number: bytes) -> str:
    """As minisign prints it."""
    return number[::-1].hex().upper()


def _own_keys(home: Home) -> list[bytes]:
    """The one of now first, then those that signed its heads. Raises `NoKeyOfHeads`."""
    signed = [each.signature.public_key for each in home.books.heads.all() if each.signature is not None]
    try:
        signed.insert(0, home.installation_key.public_key())
    except TieoutError:
        if not signed:
            raise NoKeyOfHeads from None
    return list(dict.fromkeys(signed))


def _of_log(home: Home, head: Head | StatedHead, where: str) -> Iterator[LogFinding]:
    found = GENESIS_DIGEST if head.batch == 0 else home.log.batch_digest(Watermark(head.batch))
    if found is None:
        detail = f"it states batch {head.batch}, and the log ends at batch {home.log.head()}"
        yield LogFinding("head", where, detail)
    elif found.hex() != head.digest:
        detail = (
            f"batch {head.batch} had digest {head.digest}, and has {found.hex()} now: the log was rewritten"
        )
        yield LogFinding("head", where, detail)


def _of_books(home: Home, folio: int, digest: str, where: str) -> Iterator[LogFinding]:
    found = home.books.folios.digest(folio)
    if found != digest:
        now = "there is none" if found is None else f"it has {found} now"
        detail = f"folio {folio} of the books had digest {digest}, and {now}: the books were rewritten"
        yield LogFinding("head", where, detail)
