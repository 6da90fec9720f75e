"""Waivers of differences to what a source states: proposed by one person, signed by finance, ops and
engineering, and good for exactly the numbers that they signed.

There is no such way for ties between layers: nothing here can name one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tieout.close.reconcile_cycle import range_text, stated_text
from tieout.contract.policy import SignerRole
from tieout.contract.signature import WAIVED_FORMAT, Signature, SigningKey
from tieout.contract.signing_file import SigningRequest, request_text
from tieout.contract.waiver import WAIVER_ROLES, Waiver, complete, waiver_signatures
from tieout.flows.control_totals import list_control_totals
from tieout.flows.home import Home
from tieout.flows.pipeline_alerts import NAME_LENGTH_MAX, REASON_LENGTH_MAX, checked_line
from tieout.flows.sequence_gaps import gaps
from tieout.flows.signed_file import SignatureRefused, key_behind, read_signature, verified
from tieout.ingest.control_total import Comparison, TotalState
from tieout.ingest.sequence import Range
from tieout.invoice.waived import Waived
from tieout.kernel.canonical import canonical_json
from tieout.kernel.digest import document_digest
from tieout.kernel.errors import NotFound, Refusal, shown
from tieout.kernel.ids import KeyId
from tieout.kernel.instant import format_instant
from tieout.ports import ProposedWaiver

DOCUMENT_FORMAT = "tieout/waiver/1"
NUMBERS = "numbers "


@dataclass(frozen=True, slots=True)
class Statement:
    """What a source states and what was accepted: `name` is the statement's own, `facts` every number of it,
    so that another number is another statement."""

    source: str
    name: str
    facts: tuple[tuple[str, str], ...]
    difference: str


class NoSuchStatement(NotFound):
    """The source has made no such statement."""

    code = "no-such-statement"

    def __init__(self, source: str, name: str) -> None:
        super().__init__(
            f"{shown(source)} has made no statement {shown(name)}; `tieout ingest control-totals` and "
            "`tieout ingest gaps` list them."
        )


class NothingToWaive(Refusal):
    """The statement ties, or its window still runs."""

    code = "nothing-to-waive"

    def __init__(self, source: str, name: str, why: str) -> None:
        super().__init__(f"There is nothing to waive about {name} of {source}: {why}.")


class NoSuchWaiver(NotFound):
    """No proposed waiver has this digest."""

    code = "no-such-waiver"

    def __init__(self, digest: str) -> None:
        super().__init__(f"There is no waiver {shown(digest)}; `tieout reconcile waiver show` lists them.")


@dataclass(frozen=True, slots=True)
class WaiverState:
    """A proposal with its valid signatures, the roles that have yet to sign, and the three that make it good
    (None: not yet)."""

    proposed: ProposedWaiver
    signatures: tuple[Signature, ...]
    missing: tuple[SignerRole, ...]
    good: tuple[Signature, ...] | None


def total_statement(found: Comparison) -> Statement:
    """A control total beside what was accepted."""
    stated = found.stated
    numbers = stated_text(stated.events, stated.field, stated.total)
    accepted = stated_text(found.accepted.events, stated.field, found.accepted.total)
    standing = found.accepted.standing
    facts: tuple[tuple[str, str], ...] = (
        ("control_total", stated.id),
        ("type", stated.type),
        ("from", format_instant(stated.start)),
        ("to", format_instant(stated.end)),
        ("stated", numbers),
        ("accepted", accepted),
    )
    difference = f"stated {numbers}, accepted {accepted}"
    if found.accepted.retracted_events:
        stands = stated_text(standing.events, stated.field, standing.total)
        facts += (("stands", stands),)
        difference += f", {stands} of it stands"
    return Statement(stated.source, stated.id, facts, difference)


def numbers_statement(source: str, missing: Range) -> Statement:
    """Numbers between others of the source that never came."""
    text = range_text(missing)
    return Statement(source, NUMBERS + text, (("missing_numbers", text),), f"numbers {text} never came")


def propose_waiver(home: Home, source: str, name: str, *, by: str, reason: str) -> WaiverState:
    """Of a control total by its id, as it differs now; the same again changes nothing. Raises
    `NoSuchStatement`, `NothingToWaive`, `UnknownSource` or `MalformedClosing`."""
    found = [
        each.comparison for each in list_control_totals(home, source=source) if each.stored.stated.id == name
    ]
    if not found:
        raise NoSuchStatement(source, name)
    if found[0].state is not TotalState.DIFFERS:
        why = "it ties" if found[0].state is TotalState.MATCHED else "its window has not ended"
        raise NothingToWaive(source, name, why)
    return _proposed(home, total_statement(found[0]), by=by, reason=reason)


def propose_numbers(home: Home, source: str, missing: Range, *, by: str, reason: str) -> WaiverState:
    """Of a whole range of numbers that never came. Raises as `propose_waiver` does."""
    found = gaps(home, source=source)
    if not any(missing in each.missing for each in found):
        raise NoSuchStatement(source, NUMBERS + range_text(missing))
    return _proposed(home, numbers_statement(source, missing), by=by, reason=reason)


def write_waiver_request(home: Home, digest: str, out: Path) -> SigningRequest:
    """The file that travels to the three signers. Raises `NoSuchWaiver`."""
    proposed = _found(home, digest)
    request = SigningRequest(
        home_id=home.home_id,
        key=f"{proposed.source} {proposed.statement}",
        version=1,
        document=proposed.document,
        document_digest=proposed.digest,
        predecessor_digest=None,
        effective_from=proposed.proposed_at,
        kind="waiver",
    )
    out.write_text(request_text(request), encoding="utf-8")
    return request


def add_waiver_signature(home: Home, file: Path) -> WaiverState:
    """Verifies and records it. Raises `SignatureRefused`, which says why, or `NoSuchWaiver`."""
    signed = read_signature(home, file)
    if signed.role not in WAIVER_ROLES:
        raise SignatureRefused(file, f"a waiver is signed by {_roles(WAIVER_ROLES)}, not by {signed.role}")
    proposed = _found(home, signed.document_digest)
    recorded = verified(
        home,
        file,
        replace(signed, document_digest=proposed.digest),
        key_behind(home, file, signed),
        predecessor_digest=None,
        effective_from=proposed.proposed_at,
        signed_format=WAIVED_FORMAT,
    )
    if not waiver_signatures(
        _waiver(proposed), [recorded], _keys(home), home_id=home.home_id, verify=home.signer.verify
    ):
        raise SignatureRefused(file, f"{recorded.person} proposed this waiver, so another person signs it")
    home.books.signatures.add(recorded)
    return _state(home, proposed, _keys(home), home.books.signatures.signatures())


def waivers(home: Home) -> tuple[WaiverState, ...]:
    """Every waiver that was ever proposed."""
    keys, signatures = _keys(home), home.books.signatures.signatures()
    return tuple(_state(home, each, keys, signatures) for each in home.books.waivers.all())


class StandingWaivers:
    """The waivers that three people have signed, by exactly what they let pass; read when first asked."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._known: dict[tuple[str, tuple[tuple[str, str], ...]], Waived] | None = None

    def standing(self, statement: Statement) -> Waived | None:
        if self._known is None:
            self._known = {}
            for state in waivers(self._home):
                if state.good is not None:
                    facts = tuple(sorted(json.loads(state.proposed.document)["statement"].items()))
                    self._known[state.proposed.source, facts] = waived_by(state.proposed, state.good)
        return self._known.get((statement.source, tuple(sorted(statement.facts))))


def waived_by(proposed: ProposedWaiver, good: Sequence[Signature]) -> Waived:
    """What an invoice says of it."""
    return Waived(
        digest=proposed.digest,
        source=proposed.source,
        statement=proposed.statement,
        difference=json.loads(proposed.document)["difference"],
        reason=proposed.reason,
        signed_by=tuple((each.role.value, each.person, each.key_id) for each in good),
    )


def _proposed(home: Home, statement: Statement, *, by: str, reason: str) -> WaiverState:
    person, why = checked_line("name", by, NAME_LENGTH_MAX), checked_line("reason", reason, REASON_LENGTH_MAX)
    same = _proposed_before(home, statement, person=person, reason=why)
    if same is not None:
        return _state(home, same, _keys(home), home.books.signatures.signatures())
    now = home.clock.now()
    document = canonical_json(
        {
            "format": DOCUMENT_FORMAT,
            "home": home.home_id,
            "source": statement.source,
            "statement": dict(statement.facts),
            "difference": statement.difference,
            "reason": why,
            "proposed_by": person,
            "proposed_at": format_instant(now),
        }
    )
    proposed = ProposedWaiver(
        document_digest(document), statement.source, statement.name, document, person, why, now
    )
    home.books.waivers.add(proposed)
    return _state(home, proposed, {}, ())


def _proposed_before(home: Home, statement: Statement, *, person: str, reason: str) -> ProposedWaiver | None:
    """The same by the same person: three who sign two copies between them would never make one good."""
    for each in home.books.waivers.all():
        facts = json.loads(each.document)["statement"]
        if (each.source, facts, each.person, each.reason) == (
            *(statement.source, dict(statement.facts)),
            *(person, reason),
        ):
            return each
    return None


def _found(home: Home, digest: str) -> ProposedWaiver:
    found = [each for each in home.books.waivers.all() if digest and each.digest.startswith(digest)]
    if len(found) != 1:
        raise NoSuchWaiver(digest)
    return found[0]


def _state(
    home: Home,
    proposed: ProposedWaiver,
    keys: dict[KeyId, SigningKey],
    signatures: Sequence[Signature],
) -> WaiverState:
    valid = waiver_signatures(
        _waiver(proposed), signatures, keys, home_id=home.home_id, verify=home.signer.verify
    )
    signed = {each.role for each in valid}
    missing = tuple(role for role in WAIVER_ROLES if role not in signed)
    return WaiverState(proposed, valid, missing, complete(valid, keys))


def _waiver(proposed: ProposedWaiver) -> Waiver:
    return Waiver(proposed.digest, proposed.person, proposed.proposed_at)


def _keys(home: Home) -> dict[KeyId, SigningKey]:
    return {key.key_id: key for key in home.books.signatures.signing_keys()}


def _roles(roles: Sequence[SignerRole]) -> str:
    return ", ".join(role.value for role in roles)
