"""A signer's own desk: read the request, sign it with one's own key, write the signature. No home needed."""

from __future__ import annotations

from pathlib import Path

from tieout.contract.policy import PolicyRole
from tieout.contract.signature import signed_bytes
from tieout.contract.signing_file import (
    SignatureFile,
    SigningRequest,
    key_id_of,
    parse_request,
    signature_text,
)
from tieout.gateways.signing import public_key_of, sign


def read_request(file: Path) -> SigningRequest:
    """Raises `MalformedSigningFile`, or `OSError` for a file that cannot be read."""
    return parse_request(file.read_text(encoding="utf-8", errors="replace"))


def sign_request(
    request_file: Path, *, private_key: Path, role: PolicyRole, person: str, out: Path
) -> SigningRequest:
    """Write the signature of the requested policy to `out`, and give back what was signed."""
    request = read_request(request_file)
    message = signed_bytes(
        request.home_id, request.document_digest, request.predecessor_digest, role, request.effective_from
    )
    signature = SignatureFile(
        home_id=request.home_id,
        document_digest=request.document_digest,
        role=role,
        person=person,
        key_id=key_id_of(public_key_of(private_key)),
        signature=sign(private_key, message),
    )
    out.write_text(signature_text(signature), encoding="utf-8")
    return request
