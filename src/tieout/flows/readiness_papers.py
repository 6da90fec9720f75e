"""What people sign for readiness, as it is stored, with the signatures that count."""

from __future__ import annotations

from tieout.contract.signature import Signature
from tieout.flows.home import Home
from tieout.readiness.documents import roles_that_sign, standing_signatures
from tieout.readiness.papers import Papers


def papers_of(home: Home) -> Papers:
    keys = {key.key_id: key for key in home.books.signatures.signing_keys()}
    by_digest: dict[str, list[Signature]] = {}
    for signature in home.books.signatures.signatures():
        by_digest.setdefault(signature.document_digest, []).append(signature)
    verify = home.signer.verify
    found = []
    for document in home.books.readiness.documents():
        roles = roles_that_sign(document)
        valid = standing_signatures(
            document, by_digest.get(document.digest, ()), keys, home_id=home.home_id, verify=verify
        )
        found.append((document, tuple(each for each in valid if each.role in roles)))
    return Papers(tuple(found), keys)
