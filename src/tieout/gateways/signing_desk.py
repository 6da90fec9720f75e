"""Signs a request at a person's desk: offline, from file to file; the private key is read and never sent
anywhere.
"""

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
from tieout.kernel.errors import NotFound

REQUEST_BYTES_MAX = 16 * 1024 * 1024


class SigningRequestMissing(NotFound):
    """There is no such request file."""

    code = "signing-request-missing"

    def __init__(self, path: Path) -> None:
        super().__init__(f"There is no signing request at {path}.")


def sign_request(
    request: Path, *, private_key: Path, role: PolicyRole, person: str, out: Path
) -> SigningRequest:
    """Writes the signature file, and gives back what was signed.

    Raises `SigningRequestMissing`, `MalformedSigningFile` or a key file's refusal.
    """
    try:
        with request.open("rb") as file:
            text = file.read(REQUEST_BYTES_MAX).decode("utf-8", errors="replace")
    except OSError as error:
        raise SigningRequestMissing(request) from error
    asked = parse_request(text)
    message = signed_bytes(
        asked.home_id, asked.document_digest, asked.predecessor_digest, role, asked.effective_from
    )
    signed = SignatureFile(
        home_id=asked.home_id,
        document_digest=asked.document_digest,
        role=role,
        person=person,
        key_id=key_id_of(public_key_of(private_key)),
        signature=sign(private_key, message),
    )
    out.write_text(signature_text(signed), encoding="utf-8")
    return asked
