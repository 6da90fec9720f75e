"""Signatures in a replay: those that people gave, from their files, and rehearsed ones by keys of nobody."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from tieout.contract.document import DocumentKind
from tieout.contract.policy import OwnerRole, PolicyRole, Requirement, SignerRole, signer_role
from tieout.flows.apply_catalog import DocumentKey
from tieout.flows.approve_meter import approve, unapproved, write_approval_request
from tieout.flows.approve_price import all_price_versions, approve_price, write_price_request
from tieout.flows.home import Home
from tieout.flows.policy import (
    PolicySuperseded,
    add_signature,
    policies,
    register_key,
    write_signing_request,
)
from tieout.kernel.errors import Refusal
from tieout.ports.world import RehearsalDesk

NOBODY = "Rehearsal"
"""What a rehearsed signer's name begins with: `Rehearsal product`."""


class UnknownSignature(Refusal):
    """A signature is of a policy, a meter or a price, by a role that signs."""

    code = "unknown-signature"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what!r} is neither policy, meter nor price, nor a role that signs one.")


@dataclass(slots=True)
class Signers:
    """Who has signed in rehearsal so far: `signed` are names of documents."""

    home: Home
    desk: RehearsalDesk
    folder: Path
    registered: set[str] = field(default_factory=set)
    signed: list[str] = field(default_factory=list)
    requests: int = 0

    def register(self, role: str, person: str, public_key: Path) -> None:
        register_key(self.home, _role(role), person, public_key)

    def submit(self, of: str, file: Path, *, meter: str | None, version: int | None) -> None:
        """A signature that somebody gave."""
        if of == "policy":
            add_signature(self.home, file)
        elif of == "price":
            approve_price(self.home, file)
        elif of == "meter" and meter is not None:
            approve(self.home, meter, version, file)
        else:
            raise UnknownSignature(of)

    def rehearse(self, only: Collection[DocumentKey] | None = None) -> None:
        """Signs whatever waits for it; of meters and prices those of `only`, and no policy then."""
        if only is None:
            self._policies()
        self._meters(only)
        self._prices(only)

    def _policies(self) -> None:
        for state in policies(self.home):
            try:
                for role in state.missing:
                    file = self._next_request()
                    write_signing_request(self.home, state.policy.digest, file)
                    add_signature(self.home, self._signed(file, role, f"{NOBODY} {role.value}"))
                    self._note(f"policy {state.policy.key} v{state.policy.version}")
            except PolicySuperseded:
                continue

    def _meters(self, only: Collection[DocumentKey] | None) -> None:
        for (key, version), change in sorted(unapproved(self.home).items()):
            if only is not None and (DocumentKind.METER, key, version) not in only:
                continue
            file = self._next_request()
            write_approval_request(self.home, key, version, file)
            approve(self.home, key, version, self._signed(file, OwnerRole.OWNER, change.owner))
            self._note(f"meter {key} v{version}")

    def _prices(self, only: Collection[DocumentKey] | None) -> None:
        """Where a policy asks for it: without, nobody needs to sign a price."""
        if not any(Requirement.SIGNED_PRICES in state.policy.requires for state in policies(self.home)):
            return
        for each in all_price_versions(self.home):
            key, version = each.price.key, each.price.version
            if each.signatures or (only is not None and (DocumentKind.PRICE, key, version) not in only):
                continue
            file = self._next_request()
            write_price_request(self.home, key, version, file)
            role = PolicyRole.PRODUCT
            approve_price(self.home, self._signed(file, role, f"{NOBODY} {role.value}"))
            self._note(f"price {key} v{version}")

    def _next_request(self) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.requests += 1
        return self.folder / f"{self.requests:06}.json"

    def _signed(self, request: Path, role: SignerRole, person: str) -> Path:
        name = f"{role.value} {person}"
        if name not in self.registered:
            self.registered.add(name)
            register_key(self.home, role, person, self.desk.public_key(name))
        return self.desk.sign(request, name=name, role=role, person=person)

    def _note(self, name: str) -> None:
        if name not in self.signed:
            self.signed.append(name)


def _role(text: str) -> SignerRole:
    try:
        return signer_role(text)
    except ValueError:
        raise UnknownSignature(text) from None
