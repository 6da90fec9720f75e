"""Signs a request at a person's desk: offline, from file to file; the private key is read and never sent
anywhere.
"""

from __future__ import annotations

from pathlib import Path

from tieout.contract.policy import EngineeringRole, OwnerRole, PolicyRole, SignerRole
from tieout.contract.signature import PRICED_FORMAT, READINESS_FORMAT, WAIVED_FORMAT, signed_bytes
from tieout.contract.signing_file import (
    SignatureFile,
    SigningRequest,
    key_id_of,
    parse_request,
    signature_text,
)
from tieout.contract.waiver import WAIVER_ROLES
from tieout.gateways.signing import public_key_of, sign
from tieout.kernel.errors import NotFound, Refusal

REQUEST_BYTES_MAX = 16 * 1024 * 1024
FORMATS = {"price": PRICED_FORMAT, "waiver": WAIVED_FORMAT, "readiness": READINESS_FORMAT}
"""Of other kinds than policies and meters, whose format follows from the role."""


class SigningRequestMissing(NotFound):
    """There is no such request file."""

    code = "signing-request-missing"

    def __init__(self, path: Path) -> None:
        super().__init__(f"There is no signing request at {path}.")


class NotForThisRole(Refusal):
    """Policies are signed for product, finance and ops, prices for product or finance, meters by their
    owner, waivers for finance, ops and engineering."""

    code = "not-for-this-role"

    def __init__(self, request: SigningRequest) -> None:
        verb = {"meter": "catalog", "price": "price"}.get(request.kind, "policy")
        who = f" as {', '.join(WAIVER_ROLES)}" if request.kind == "waiver" else ""
        super().__init__(
            f"The request is for {request.kind} {request.key}: sign it with `tieout {verb} sign`{who}."
        )


def sign_request(
    request: Path,
    *,
    private_key: Path,
    role: SignerRole,
    person: str | None,
    out: Path,
    as_price: bool = False,
) -> SigningRequest:
    """Writes the signature file, and gives back what was signed. `person` None: the owner whom the request
    names. A price is signed only where the signer says that it is one.

    Raises `SigningRequestMissing`, `MalformedSigningFile`, `NotForThisRole` or a key file's refusal.
    """
    try:
        with request.open("rb") as file:
            text = file.read(REQUEST_BYTES_MAX).decode("utf-8", errors="replace")
    except OSError as error:
        raise SigningRequestMissing(request) from error
    asked = parse_request(text)
    roles = {
        "policy": tuple(PolicyRole),
        "price": tuple(PolicyRole),
        "meter": tuple(OwnerRole),
        "waiver": WAIVER_ROLES,
        "readiness": (*PolicyRole, *EngineeringRole),
    }
    if role not in roles[asked.kind] or as_price != (asked.kind == "price"):
        raise NotForThisRole(asked)
    message = signed_bytes(
        home_id=asked.home_id,
        document_digest=asked.document_digest,
        predecessor_digest=asked.predecessor_digest,
        role=role,
        effective_from=asked.effective_from,
        signed_format=FORMATS.get(asked.kind),
    )
    signed = SignatureFile(
        home_id=asked.home_id,
        document_digest=asked.document_digest,
        role=role,
        person=person or asked.owner or "",
        key_id=key_id_of(public_key_of(private_key)),
        signature=sign(private_key, message),
    )
    out.write_text(signature_text(signed), encoding="utf-8")
    return asked
