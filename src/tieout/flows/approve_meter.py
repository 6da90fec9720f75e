"""Changes to meters: who must sign them, the request that travels to the owner, and the signature that comes
back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tieout.close.outcome import Parked
from tieout.contract.approval import MeterChange, is_owners, meter_changes
from tieout.contract.document import DocumentKind
from tieout.contract.policy import OwnerRole
from tieout.contract.signing_file import SigningRequest, request_text
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.home import Home
from tieout.flows.signed_file import SignatureRefused, key_behind, read_signature, verified
from tieout.kernel.errors import ConflictError, NotFound, shown
from tieout.kernel.ids import MeterKey
from tieout.kernel.instant import format_instant

ChangeByVersion = Mapping[tuple[MeterKey, int], MeterChange]
"""Changes of meters by key and version; first versions are none."""


class NothingToApprove(NotFound):
    """No version of the meter waits for a signature, or not the one that was named."""

    code = "nothing-to-approve"

    def __init__(self, meter: str, version: int | None) -> None:
        named = f"meter {shown(meter)}" if version is None else f"version {version} of meter {shown(meter)}"
        super().__init__(
            f"Nothing of {named} waits for a signature; `tieout catalog pending` lists what does."
        )


class AlreadyApproved(ConflictError):
    """A version is signed once."""

    code = "already-approved"

    def __init__(self, change: MeterChange, person: str) -> None:
        super().__init__(f"{person} has signed {change.name} already.")


@dataclass(frozen=True, slots=True)
class Requested:
    """The request that was written, and the change it is for."""

    request: SigningRequest
    change: MeterChange


def changes(home: Home) -> list[MeterChange]:
    """Every version of a meter that needs its owner's signature, signed or not."""
    keys = {key.key_id: key for key in home.books.signatures.signing_keys()}
    signatures = home.books.signatures.signatures()
    meters = load_catalog(home).meters
    return meter_changes(meters, signatures, keys, home_id=home.home_id, verify=home.signer.verify)


def by_version(home: Home) -> ChangeByVersion:
    return {(change.meter.key, change.meter.version): change for change in changes(home)}


def unapproved(home: Home) -> ChangeByVersion:
    """Those that wait for a signature: nobody may be billed by them yet."""
    return {named: change for named, change in by_version(home).items() if change.signature is None}


def parked_for(change: MeterChange) -> Parked:
    """The outcome of an account that this version would bill."""
    since = format_instant(change.meter.effective_from)
    key, version = change.meter.key, change.meter.version
    return Parked(
        f"{change.name}, in force from {since}, is not approved: its owner {change.owner} has not signed it",
        f"have {change.owner} sign it (tieout catalog request {key} --version {version} --out FILE; "
        f"catalog sign; catalog approve), then run the close again; nothing was billed for this period",
    )


def write_approval_request(home: Home, meter: str, version: int | None, out: Path) -> Requested:
    """The file that travels to the owner; without a version, for the first that waits. Raises
    `NothingToApprove` or `AlreadyApproved`.
    """
    change = _waiting(home, meter, version)
    document = next(
        document
        for document in home.books.documents.all()
        if (document.kind, document.key, document.version)
        == (DocumentKind.METER, change.meter.key, change.meter.version)
    )
    request = SigningRequest(
        home_id=home.home_id,
        key=change.meter.key,
        version=change.meter.version,
        document=document.table,
        document_digest=document.digest,
        predecessor_digest=change.before.digest,
        effective_from=change.meter.effective_from,
        kind="meter",
        owner=change.owner,
    )
    out.write_text(request_text(request), encoding="utf-8")
    return Requested(request, change)


def approve(home: Home, meter: str, version: int | None, file: Path) -> MeterChange:
    """Verifies and records the owner's signature. Raises `NothingToApprove`, `AlreadyApproved` or
    `SignatureRefused`.
    """
    change = _waiting(home, meter, version)
    signed = read_signature(home, file)
    if not isinstance(signed.role, OwnerRole):
        raise SignatureRefused(file, "it is a policy's; record it with `tieout policy submit`")
    if signed.document_digest != change.meter.digest:
        raise SignatureRefused(file, f"it is not over {change.name}, whose digest is {change.meter.digest}")
    key = key_behind(home, file, signed)
    if not is_owners(key, change.owner):
        raise SignatureRefused(file, f"{change.name} is {change.owner}'s to sign, not {key.person}'s")
    before, since = change.before.digest, change.meter.effective_from
    home.books.signatures.add(
        verified(home, file, signed, key, predecessor_digest=before, effective_from=since)
    )
    return next(found for found in changes(home) if found.meter.digest == change.meter.digest)


def _waiting(home: Home, meter: str, version: int | None) -> MeterChange:
    found = [
        change
        for change in changes(home)
        if change.meter.key == meter and version in (None, change.meter.version)
    ]
    waiting = [change for change in found if change.signature is None]
    if waiting:
        return waiting[0]
    if found and (signature := found[-1].signature) is not None:
        raise AlreadyApproved(found[-1], signature.person)
    raise NothingToApprove(meter, version)
