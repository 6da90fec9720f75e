"""Verifies a pack: from its bytes and a public key to the list of everything that does not check.

A pack that was changed after it was signed breaks at the archive, the manifest or the signature. One that was
built dishonestly, and signed, breaks where two of its layers do not agree: events, counts, working, lines,
totals, entries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from hashlib import sha256

from tieout.evidence.verify.archive import read_archive
from tieout.evidence.verify.beside import check_policy, check_transitions
from tieout.evidence.verify.entries import LEDGER, check_ledger
from tieout.evidence.verify.forms import form_of
from tieout.evidence.verify.head import StatedHead, signed_head
from tieout.evidence.verify.head_roots import HEAD_PROOF, check_head_roots, read_pieces, told_of_kept
from tieout.evidence.verify.line_beside import check_line_beside
from tieout.evidence.verify.log import (
    HEADS,
    KEPT,
    ROOTS,
    StatedRoots,
    check_digest,
    check_heads,
    check_kept,
    check_proofs,
    read_roots,
)
from tieout.evidence.verify.minisign import check_signature, public_key
from tieout.evidence.verify.movements import MOVEMENTS, check_movements
from tieout.evidence.verify.pack import (
    FORMATS,
    MANIFEST,
    SIGNATURE,
    WITHOUT_HEADS,
    WITHOUT_LOG,
    Members,
    Pack,
    Unreadable,
    check_manifest,
    read_documents,
)
from tieout.evidence.verify.paper import check_document
from tieout.evidence.verify.parties import (
    check_amounts_named,
    check_catalog,
    check_line_named,
    check_parties,
)
from tieout.evidence.verify.report import Report, shown
from tieout.evidence.verify.shapes import Shape, check_shape
from tieout.evidence.verify.usage import Usage, check_usage
from tieout.evidence.verify.working import READING_FAILS, check_line, lines_of

DOCUMENT = "invoice/document.json"
ITS_OWN_WORD = "a pack of this format states roots itself, under no head; who has the log can compute them."


def verify_pack(content: bytes, key_file: bytes, kept: tuple[bytes, bytes] | None = None) -> Report:
    """Lists every break. `kept`: a head of the log that somebody kept, and its signature. Raises
    `NotAPublicKey` where the key file is none."""
    report = Report()
    key = public_key(key_file)
    pack = Pack(read_archive(content, report), report)
    try:
        manifest: Members = pack.json(MANIFEST)
        if manifest["format"] not in FORMATS:
            report.add(MANIFEST, "format", " or ".join(FORMATS), manifest["format"])
            return report
        _check_signed(pack, manifest, key)
        check_manifest(pack, manifest)
    except (Unreadable, *READING_FAILS) as error:
        _unlike(report, MANIFEST, error)
        return report
    head = None if kept is None else signed_head(*kept, key, file=KEPT, report=report)
    _check_content(pack, manifest, head)
    _tried(report, MANIFEST, lambda: _tell_unproven(manifest, report))
    return report


def _tell_unproven(manifest: Members, report: Report) -> None:
    """What the pack itself says that it does not prove."""
    said = manifest.get("not_proven", [])
    if not isinstance(said, list) or not all(isinstance(each, str) for each in said):
        raise TypeError("what is not proven is no list of texts")
    report.not_derived += [shown(each) for each in said]


def _check_signed(pack: Pack, manifest: Members, key: bytes) -> None:
    content = pack.members[MANIFEST]
    digest = sha256(content).hexdigest()
    comment = f"{manifest['format']} {manifest['home']} {manifest['invoice']['id']} {digest}"
    signature = pack.members.get(SIGNATURE)
    if signature is None:
        pack.report.add(SIGNATURE, "file", "there", "missing")
        return
    check_signature(content, signature, key, comment, file=SIGNATURE, report=pack.report)
    pack.report.checked.append("The manifest is signed by the given key.")


def _check_content(pack: Pack, manifest: Members, kept: StatedHead | None) -> None:
    """Every layer, whatever became of the one before it."""
    report = pack.report
    pack.read_all()
    _check_forms(pack)
    _tried(report, "documents.json", lambda: read_documents(pack))
    usages = _usages(pack)
    try:
        document: Members = pack.json(DOCUMENT)
        printed = lines_of(document, manifest["lines"])
    except (Unreadable, *READING_FAILS) as error:
        _unlike(report, DOCUMENT, error)
        return
    _tried(report, MANIFEST, lambda: _check_lines_named(pack, printed, manifest))
    _tried(report, DOCUMENT, lambda: check_document(pack, manifest, document))
    _tried(report, DOCUMENT, lambda: check_parties(pack, document))
    _tried(report, DOCUMENT, lambda: check_amounts_named(pack, document))
    _tried(report, "documents.json", lambda: check_catalog(pack, printed.values()))
    for line, said in sorted(printed.items()):
        _tried(report, f"lines/{line}.json", partial(check_line, pack, line, said, document, usages))
        _tried(report, f"lines/{line}.json", partial(check_line_beside, pack, line, said, document))
        _tried(report, f"lines/{line}.json", partial(check_line_named, pack, f"lines/{line}.json", said))
    for name, usage in sorted(usages.items()):
        _tried(report, f"usage/{name}/usage.json", partial(_check_customer, report, name, usage, document))
    report.checked.append(f"{len(printed):,} lines follow from their working.")
    _tried(report, LEDGER, lambda: check_ledger(pack, document, pack.json(MOVEMENTS)))
    _tried(report, MOVEMENTS, lambda: check_movements(pack, document))
    _tried(report, "policy.json", lambda: check_policy(pack, manifest, document))
    _tried(report, "invoice/transitions.json", lambda: check_transitions(pack, manifest, document))
    if manifest["format"] != WITHOUT_LOG:
        _tried(report, ROOTS, lambda: _check_log(pack, manifest, document, usages, kept))
    elif kept is not None:
        report.add(KEPT, "pack", "one that says something of the log", f"format {WITHOUT_LOG}")


def _check_forms(pack: Pack) -> None:
    """No member has a name too many, one too few, or a value of another kind."""
    for name in sorted(pack.members):
        shape = form_of(name) if name.endswith(".json") else None
        if shape is not None:
            _tried(pack.report, name, partial(_check_form, pack, name, shape))


def _check_form(pack: Pack, name: str, shape: Shape) -> None:
    check_shape(name, pack.json(name), shape, pack.report)


def _check_log(
    pack: Pack, manifest: Members, document: Members, usages: dict[str, Usage], kept: StatedHead | None
) -> None:
    report = pack.report
    pieces, roots = _roots(pack, manifest, document)
    stated = (
        "each stated by a head" if roots is None else f"stated with the log's digest at batch {roots.batch:,}"
    )
    _tried(report, "usage/", lambda: check_proofs(pack, pieces, usages, stated=stated))

    def check() -> None:
        heads = check_heads(pack, manifest, document)
        if roots is None:
            _tried(report, HEAD_PROOF, lambda: check_head_roots(pack, pieces, heads))
        else:
            check_digest(heads, roots, report)
            report.not_derived.append(f"{ROOTS}: {ITS_OWN_WORD}")
        if kept is not None and check_kept(kept, heads, manifest["home"], report) and roots is None:
            told_of_kept(kept, pieces, report)

    _tried(report, HEADS, check)


def _roots(
    pack: Pack, manifest: Members, document: Members
) -> tuple[Mapping[str, Members], StatedRoots | None]:
    """The pieces by name; and of format 2 how they are stated."""
    if manifest["format"] != WITHOUT_HEADS:
        return read_pieces(pack, manifest), None
    roots = read_roots(pack, manifest, document)
    return roots.pieces, roots


def _check_customer(report: Report, name: str, usage: Usage, document: Members) -> None:
    customer = ("customer", document["customer"]["id"], usage.stated["customer"])
    report.compare(f"usage/{name}/usage.json", [customer])


def _check_lines_named(pack: Pack, printed: Members, manifest: Members) -> None:
    """In the order of the document; nothing is in the pack for other lines, or for none."""
    files = {f"lines/{line}.json" for line in printed}
    used = {pack.json(file)["usage"] for file in files if file in pack.members} - {None}
    documents = {each["file"] for each in pack.json("documents.json")}
    found = {
        kind: {name for name in pack.members if name.startswith(f"{kind}/")}
        for kind in ("lines", "usage", "documents")
    }
    pack.report.compare(
        MANIFEST,
        [
            ("lines", list(printed), manifest["lines"]),
            ("files of lines", sorted(files), sorted(found["lines"])),
            ("usage of lines", sorted(used), sorted({name.split("/")[1] for name in found["usage"]})),
            ("documents", sorted(documents), sorted(found["documents"])),
        ],
    )


def _usages(pack: Pack) -> dict[str, Usage]:
    """By folder in usage/; those that could be read."""
    usages: dict[str, Usage] = {}
    folders = sorted(
        {
            name.rpartition("/")[0]
            for name in pack.members
            if name.startswith("usage/") and name.count("/") == 2
        }
    )
    for folder in folders:
        _tried(pack.report, folder, lambda folder=folder: _use(pack, folder, usages))  # type: ignore[misc]
    return usages


def _use(pack: Pack, folder: str, usages: dict[str, Usage]) -> None:
    usage = check_usage(pack, folder)
    if usage is not None:
        usages[folder.removeprefix("usage/")] = usage


def _tried(report: Report, file: str, check: Callable[[], object]) -> None:
    try:
        check()
    except Unreadable:
        pass  # the member that could not be read is in the report
    except READING_FAILS as error:
        _unlike(report, file, error)


def _unlike(report: Report, file: str, error: Exception) -> None:
    if not isinstance(error, Unreadable):
        report.add(file, "form", "a member as its format has it", f"{type(error).__name__}: {error}")
