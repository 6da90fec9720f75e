"""Reads heads of a log: statements that name the one before, alone with a signature, or many as a chain."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise

from tieout.evidence.verify.minisign import check_signature
from tieout.evidence.verify.pack import json_as_written
from tieout.evidence.verify.report import Report
from tieout.kernel.canonical import canonical_json
from tieout.kernel.errors import TieoutError
from tieout.kernel.instant import parse_instant

FORMAT = "tieout/head/1"
WITH_ROOTS = "tieout/head/2"
ABOUT = "untrusted comment: signature of a head of an event log"
MEMBERS = {"format", "home", "number", "batch", "digest", "stated_at", "previous"}
ROOTS_MEMBERS = {"upto", "pieces", "root", "folio", "folio_digest"}
DIGEST = re.compile(r"[0-9a-f]{64}\Z")
STATEMENT_BYTES_MAX = 4_096


@dataclass(frozen=True, slots=True)
class StatedHead:
    """A statement that was read; `sha256` is what the next one names as `previous`. `root`, where it has one,
    is over `pieces` of the log, which reach up to batch `upto`; `folio` is of the books then."""

    format: str
    home: str
    number: int
    batch: int
    digest: str
    stated_at: str
    previous: str | None
    sha256: str
    upto: int = 0
    pieces: int = 0
    root: str | None = None
    folio: int = 0
    folio_digest: str | None = None


def stated_head(content: bytes) -> StatedHead:
    """Raises `ValueError` where it is not the one way to write a head."""
    if len(content) > STATEMENT_BYTES_MAX:
        raise ValueError("it is longer than a head is")
    try:
        text = content.decode()
        said = json.loads(text)
        if canonical_json(json_as_written(text)) != text:
            raise ValueError("it is not in canonical JSON")
        members = MEMBERS | ROOTS_MEMBERS if said.get("format") == WITH_ROOTS else MEMBERS
        if said.keys() != members or said["format"] not in (FORMAT, WITH_ROOTS):
            raise ValueError(f"it is no head of format {FORMAT} or {WITH_ROOTS}")
        parse_instant(said["stated_at"])
        has_root = said["format"] == WITH_ROOTS
        digests = [said["digest"], *([] if said["previous"] is None else [said["previous"]])]
        digests += [said["root"], said["folio_digest"]] if has_root else []
        number, batch = said["number"], said["batch"]
        upto, pieces, folio = (said[name] if has_root else 0 for name in ("upto", "pieces", "folio"))
    except (TypeError, AttributeError, RecursionError, TieoutError) as error:
        raise ValueError(str(error)) from error
    if not all(isinstance(each, str) and DIGEST.match(each) for each in digests):
        raise ValueError("a digest of it is no SHA-256")
    if type(number) is not int or type(batch) is not int or number < 1 or batch < 0:
        raise ValueError("its number or batch is none")
    if not (type(upto) is type(pieces) is type(folio) is int and 0 <= upto <= batch):
        raise ValueError("what its root is over is nothing that it covers")
    if pieces < 0 or folio < 0:
        raise ValueError("a number of it is below zero")
    if not isinstance(said["home"], str) or (said["previous"] is None) != (number == 1):
        raise ValueError("the first head, and no other, has none before it")
    return StatedHead(
        format=said["format"],
        home=said["home"],
        number=number,
        batch=batch,
        digest=said["digest"],
        stated_at=said["stated_at"],
        previous=said["previous"],
        sha256=sha256(content).hexdigest(),
        upto=upto,
        pieces=pieces,
        root=said["root"] if has_root else None,
        folio=folio,
        folio_digest=said["folio_digest"] if has_root else None,
    )


def signed_head(
    content: bytes, signature: bytes, key: bytes, *, file: str, report: Report
) -> StatedHead | None:
    """None where it is no head; what does not check is in the report."""
    try:
        head = stated_head(content)
    except ValueError as error:
        report.add(file, "form", "a head of a log", str(error))
        return None
    comment = f"{head.format} {head.home} {head.number} {head.batch} {head.digest}"
    check_signature(content, signature, key, comment, file=f"{file}.minisig", report=report, about=ABOUT)
    return head


def chained_heads(statements: list[str], *, file: str, report: Report) -> list[StatedHead]:
    """Each names the one before it, by number and digest, and none goes back in the log. Raises `ValueError`
    where one of them is no head."""
    heads = [stated_head(each.encode()) for each in statements]
    before: StatedHead | None = None
    for head in heads:
        what = f"head {head.number}"
        expected = (1, None) if before is None else (before.number + 1, before.sha256)
        report.compare(file, [(f"{what}: follows", expected, (head.number, head.previous))])
        if before is not None:
            report.compare(file, [(f"{what}: home", before.home, head.home)])
            if head.batch < before.batch:
                report.add(file, f"{what}: batch", f"{before.batch} or later", head.batch)
            if head.batch == before.batch:
                report.compare(file, [(f"{what}: digest of batch {head.batch}", before.digest, head.digest)])
        before = head
    rooted = [head for head in heads if head.root is not None]
    for earlier, later in pairwise(rooted):
        if later.upto < earlier.upto:
            report.add(file, f"head {later.number}: upto", f"{earlier.upto} or later", later.upto)
    return heads
