"""The trigger policy: proposed by one, signed by product, finance and ops, each at their own desk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tieout.contract.document import Document, DocumentKind
from tieout.contract.policy import Policy, PolicyRole, SignerRole, policy_governing
from tieout.contract.signature import (
    Signature,
    SigningKey,
    in_force,
    missing_roles,
    valid_signatures,
)
from tieout.contract.signing_file import SigningRequest, key_id_of, request_text
from tieout.flows.apply_catalog import CatalogRefused, check_catalog, load_catalog
from tieout.flows.home import Home
from tieout.flows.signed_file import SignatureRefused, key_behind, read_signature, verified
from tieout.kernel.errors import ConflictError, NotFound, Refusal, shown
from tieout.kernel.ids import KeyId
from tieout.kernel.instant import Instant, format_instant

PERSON_LENGTH_MAX = 128
VERSION_DIGITS_MAX = 18

NOT_SIGNED = "not under a signed policy"
"""What an amount is that nobody was billed, and that no policy stands behind."""


class NotAPolicy(Refusal):
    """A proposal is one new [[policy]] document."""

    code = "not-a-policy"

    def __init__(self, file: Path, found: int) -> None:
        super().__init__(
            f"{file} must hold exactly one new [[policy]] document and nothing else; it holds {found}."
        )


class WrongPredecessor(ConflictError):
    """A policy names the one it follows, so that nobody signs on top of another than they think."""

    code = "wrong-predecessor"

    def __init__(self, named: str | None, latest: str | None) -> None:
        super().__init__(
            f"The policy names the predecessor {named or 'none'}, but the latest one is {latest or 'none'}."
        )


class NoSuchPolicy(NotFound):
    """No applied policy has this digest (or key)."""

    code = "no-such-policy"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no policy {shown(name)} here.")


class MalformedPerson(Refusal):
    """A signer is a named person."""

    code = "malformed-person"

    def __init__(self) -> None:
        super().__init__(f"A person's name has 1 to {PERSON_LENGTH_MAX} printable characters.")


class PolicySuperseded(ConflictError):
    """Signed now, an older policy would come into force after the one that followed it, and govern in its
    place."""

    code = "policy-superseded"

    def __init__(self, policy: Policy, by: Policy, since: Instant) -> None:
        super().__init__(
            f"Policy {policy.key} v{policy.version} is superseded: {by.key} v{by.version}, signed by all "
            f"three, is in force from {format_instant(since)}. Propose a successor of that one instead."
        )


@dataclass(frozen=True, slots=True)
class PolicyState:
    """A policy with its valid signatures, the roles that have yet to sign, and since when it is in force
    (or None).
    """

    policy: Policy
    signatures: tuple[Signature, ...]
    missing: tuple[PolicyRole, ...]
    in_force_from: Instant | None


def propose(home: Home, file: Path) -> Policy:
    """Stores a policy that is then to be signed. Raises `CatalogRefused`, `NotAPolicy`, `WrongPredecessor`,
    or `ReadinessOpen` where an open item of readiness refuses it.
    """
    applied = home.books.documents.all()
    checked = check_catalog(file, against=applied)
    if checked.catalog is None:
        raise CatalogRefused(checked.problems)
    known = {document.digest for document in applied}
    fresh = [document for document in checked.documents if document.digest not in known]
    if len(fresh) != 1 or fresh[0].kind is not DocumentKind.POLICY:
        raise NotAPolicy(file, len(fresh))
    policy = checked.catalog.policies.version(fresh[0].key, fresh[0].version)
    assert policy is not None, "the catalog was checked with this document in it"
    home.refuse_change(home, frozenset({DocumentKind.POLICY}))
    latest = _latest_policy_digest(applied)
    if policy.predecessor_digest != latest:
        raise WrongPredecessor(policy.predecessor_digest, latest)
    home.books.documents.add(fresh, applied_at=home.clock.now())
    return policy


def register_key(home: Home, role: SignerRole, person: str, public_key_file: Path) -> SigningKey:
    """Records whose key it is and for which role. Raises a key file's refusal, or that the key is
    registered.
    """
    name = person.strip()
    if not 1 <= len(name) <= PERSON_LENGTH_MAX or not name.isprintable():
        raise MalformedPerson
    public_key = home.signer.public_key(public_key_file)
    key = SigningKey(key_id_of(public_key), role, name, public_key, home.clock.now(), None)
    home.books.signatures.add_key(key)
    return key


def revoke_key(home: Home, key_id: KeyId) -> None:
    """From now on; what the key has signed stays signed."""
    home.books.signatures.revoke_key(key_id, at=home.clock.now())


def write_signing_request(home: Home, policy_digest: str, out: Path) -> SigningRequest:
    """The file that travels to the signers. `policy_digest` may be shortened. Raises `NoSuchPolicy`."""
    document = _policy_document(home.books.documents.all(), policy_digest)
    policy = load_catalog(home).policies.version(document.key, document.version)
    assert policy is not None, "the catalog is made of these documents"
    request = SigningRequest(
        home_id=home.home_id,
        key=policy.key,
        version=policy.version,
        document=document.table,
        document_digest=document.digest,
        predecessor_digest=policy.predecessor_digest,
        effective_from=policy.effective_from,
    )
    out.write_text(request_text(request), encoding="utf-8")
    return request


def add_signature(home: Home, file: Path) -> PolicyState:
    """Verifies and records a signature; it counts from now. Raises `SignatureRefused` and says why,
    `PolicySuperseded`, or `ReadinessOpen` as `propose` does.
    """
    signed = read_signature(home, file)
    if not isinstance(signed.role, PolicyRole):
        raise SignatureRefused(file, "it is a meter owner's; record it with `tieout catalog approve`")
    document = _policy_document(home.books.documents.all(), signed.document_digest)
    home.refuse_change(home, frozenset({DocumentKind.POLICY}))
    policy = load_catalog(home).policies.version(document.key, document.version)
    assert policy is not None, "the catalog is made of these documents"
    since = max(policy.effective_from, home.clock.now())
    for later in _followers(policies(home), policy.digest):
        if later.in_force_from is not None and later.in_force_from <= since:
            raise PolicySuperseded(policy, later.policy, later.in_force_from)
    recorded = verified(
        home,
        file,
        replace(signed, document_digest=policy.digest),
        key_behind(home, file, signed),
        predecessor_digest=policy.predecessor_digest,
        effective_from=policy.effective_from,
    )
    home.books.signatures.add(recorded)
    return next(state for state in policies(home) if state.policy.digest == policy.digest)


def policies(home: Home) -> list[PolicyState]:
    """Every applied policy, by key and version."""
    keys = {key.key_id: key for key in home.books.signatures.signing_keys()}
    signatures = home.books.signatures.signatures()
    verify = home.signer.verify
    states = []
    for policy in load_catalog(home).policies:
        valid = valid_signatures(policy, signatures, keys, home_id=home.home_id, verify=verify)
        since = in_force(policy, signatures, keys, home_id=home.home_id, verify=verify)
        states.append(PolicyState(policy, valid, missing_roles(policy, valid), since))
    return states


def governing(states: Sequence[PolicyState], instant: Instant) -> PolicyState | None:
    """The fully signed policy in force at that instant."""
    policy = policy_governing([(state.policy, state.in_force_from) for state in states], instant)
    return None if policy is None else next(state for state in states if state.policy is policy)


def find_policy(home: Home, name: str) -> Policy:
    """By its digest, or the beginning of it, or as KEY@VERSION. Raises `NoSuchPolicy`."""
    catalog = load_catalog(home)
    key, _, version = name.rpartition("@")
    if key and version.isascii() and version.isdigit() and len(version) <= VERSION_DIGITS_MAX:
        found = catalog.policies.version(key, int(version))
    else:
        document = _policy_document(home.books.documents.all(), name)
        found = catalog.policies.version(document.key, document.version)
    if found is None:
        raise NoSuchPolicy(name)
    return found


def _followers(states: Sequence[PolicyState], digest: str) -> list[PolicyState]:
    """Those that come after that policy, each naming the one before it."""
    found: list[PolicyState] = []
    named = {digest}
    while True:
        more = [
            state
            for state in states
            if state.policy.predecessor_digest in named and state.policy.digest not in named
        ]
        if not more:
            return found
        found += more
        named |= {state.policy.digest for state in more}


def _latest_policy_digest(documents: Sequence[Document]) -> str | None:
    digests = [document.digest for document in documents if document.kind is DocumentKind.POLICY]
    return digests[-1] if digests else None


def _policy_document(documents: Sequence[Document], digest: str) -> Document:
    found = [
        document
        for document in documents
        if document.kind is DocumentKind.POLICY and digest and document.digest.startswith(digest)
    ]
    if len(found) != 1:
        raise NoSuchPolicy(digest)
    return found[0]
