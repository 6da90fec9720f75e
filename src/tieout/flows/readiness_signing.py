"""Sign-offs, expectations and overrides: recorded as documents, signed at people's desks, and counted from
when the home recorded the signature."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from tieout.contract.policy import PolicyRole, SignerRole
from tieout.contract.signature import READINESS_FORMAT, Signature, SigningKey
from tieout.contract.signing_file import SigningRequest, request_text
from tieout.flows.apply_catalog import NoSuchCustomer, load_catalog
from tieout.flows.decision import decision_now
from tieout.flows.home import Home
from tieout.flows.readiness import standing_of
from tieout.flows.readiness_beforehand import refuse_late
from tieout.flows.sample_periods import SamplePeriods
from tieout.flows.signed_file import SignatureRefused, key_behind, read_signature, verified
from tieout.kernel.digest import document_digest
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant, parse_instant
from tieout.kernel.money import currency
from tieout.kernel.period import Period
from tieout.kernel.person import is_same_person
from tieout.kernel.rational import exact, exact_text
from tieout.readiness.documents import (
    ReadinessDocument,
    ReadinessKind,
    override_text,
    roles_that_sign,
    sample_text,
    sign_off_text,
    signed_for_another_role,
)
from tieout.readiness.facts import Billed, Expectation, Paper
from tieout.readiness.item import ItemKey, Passed, may_pass_over
from tieout.readiness.override import OVERRIDE_MICROSECONDS_MAX
from tieout.readiness.papers import expectation_of
from tieout.readiness.refusals import (
    ItemNotPassed,
    MalformedSample,
    NeverOverridden,
    NoSuchItem,
    NoSuchReadinessDocument,
    NothingOpen,
    OverrideLength,
    RoleDoesNotSign,
    WhoSigns,
)


@dataclass(frozen=True, slots=True)
class SampleSaid:
    """What a person expects of an account's period, as it was typed. `code`: the currency; None: that of the
    account."""

    account: str
    start: date
    end: date
    role: PolicyRole
    person: str
    amount: str
    on: date
    paper: Paper = Paper.INVOICE
    code: str | None = None


def sign_off_now(home: Home, item: str) -> ReadinessDocument:
    """Of the evidence as it is now; not recorded yet. Raises `NoSuchItem`, and `ItemNotPassed` where its
    check does not pass."""
    key = item_key(item)
    found = standing_of(home, key)
    if not isinstance(found.checked, Passed):
        raise ItemNotPassed(found)
    text = sign_off_text(home.home_id, found.item, found.checked)
    return _document(home, ReadinessKind.SIGN_OFF, key.value, text, None)


def record_sample(home: Home, said: SampleSaid) -> ReadinessDocument:
    """As `sample_now`, and recorded: it counts once its person has signed it, if that is before the period's
    paper is made."""
    return home.books.readiness.add(sample_now(home, said))


def sample_now(home: Home, said: SampleSaid) -> ReadinessDocument:
    """Not recorded yet. Raises `NoSuchCustomer`, `MalformedSample`, `SampleTooLate` and
    `DecisionIncomplete`."""
    expected = _expectation(home, said)
    refuse_late(home, expected)
    text = sample_text(home.home_id, expected, exact_text(expected.amount))
    return _document(home, ReadinessKind.SAMPLE, expected.account, text, expected.person)


def propose_override(home: Home, item: str, *, person: str, reason: str, until: Instant) -> ReadinessDocument:
    """Of the problems as they are now. Raises `NoSuchItem`, `NeverOverridden`, `NothingOpen`,
    `OverrideLength` and `DecisionIncomplete`."""
    key = item_key(item)
    decided = decision_now(home, person=person, reason=reason)
    if not 0 < until - decided.decided_at <= OVERRIDE_MICROSECONDS_MAX:
        raise OverrideLength(until, decided.decided_at)
    found = standing_of(home, key)
    if not found.problems:
        raise NothingOpen(key.value)
    if not may_pass_over(found.item, found.problems):
        raise NeverOverridden(key.value)
    text = override_text(
        home.home_id,
        found.item,
        found.problems,
        person=decided.person,
        reason=decided.reason,
        at=decided.decided_at,
        until=until,
    )
    return home.books.readiness.add(_document(home, ReadinessKind.OVERRIDE, key.value, text, decided.person))


def write_readiness_request(home: Home, digest: str, out: Path) -> SigningRequest:
    """The file that travels to a signer. Raises `NoSuchReadinessDocument`."""
    return write_request_of(home, document_named(home, digest), out)


def write_request_of(home: Home, document: ReadinessDocument, out: Path) -> SigningRequest:
    """The same for a document that need not be recorded yet."""
    request = SigningRequest(
        home_id=home.home_id,
        key=f"{document.kind.value} of {document.subject}",
        version=1,
        document=document.document,
        document_digest=document.digest,
        predecessor_digest=None,
        effective_from=document.recorded_at,
        kind="readiness",
    )
    out.write_text(request_text(request), encoding="utf-8")
    return request


def submit(home: Home, file: Path) -> tuple[ReadinessDocument, Signature]:
    """Verifies a signature and records it; it counts from now. Raises `SignatureRefused` and says why,
    `RoleDoesNotSign`, `NoSuchReadinessDocument`, `ItemNotPassed` where the evidence is other than what was
    signed, or `SampleTooLate`."""
    signed = read_signature(home, file)
    return record_signed(home, document_named(home, signed.document_digest), file)


def record_signed(home: Home, document: ReadinessDocument, file: Path) -> tuple[ReadinessDocument, Signature]:
    """The same for a document that need not be recorded yet: it is, with its signature, or neither is."""
    signed = read_signature(home, file)
    roles = roles_that_sign(document)
    if signed.role not in roles:
        raise RoleDoesNotSign(document, signed.role, roles)
    key = key_behind(home, file, signed)
    _refuse_signer(home, file, document, key.person)
    _refuse_second_role(home, file, document, key)
    recorded = verified(
        home,
        file,
        replace(signed, document_digest=document.digest),
        key,
        predecessor_digest=None,
        effective_from=document.recorded_at,
        signed_format=READINESS_FORMAT,
    )
    return home.books.readiness.add(document, signed=recorded), recorded


def only_signer(home: Home, document: ReadinessDocument, role: SignerRole) -> str:
    """The person of the one key that is registered for the role. Raises `RoleDoesNotSign` or `WhoSigns`."""
    roles = roles_that_sign(document)
    if role not in roles:
        raise RoleDoesNotSign(document, role, roles)
    found = [
        key.person
        for key in home.books.signatures.signing_keys()
        if key.role is role and key.revoked_at is None
    ]
    if len(found) != 1:
        raise WhoSigns(role, len(found))
    return found[0]


def document_named(home: Home, digest: str) -> ReadinessDocument:
    """By its digest or the beginning of it. Raises `NoSuchReadinessDocument`."""
    found = [each for each in home.books.readiness.documents() if digest and each.digest.startswith(digest)]
    if len(found) != 1:
        raise NoSuchReadinessDocument(digest)
    return found[0]


def item_key(name: str) -> ItemKey:
    """Raises `NoSuchItem`."""
    if name not in tuple(ItemKey):
        raise NoSuchItem(name)
    return ItemKey(name)


def _refuse_signer(home: Home, file: Path, document: ReadinessDocument, person: str) -> None:
    """What its kind asks of who signs, and when."""
    members = document.members
    match document.kind:
        case ReadinessKind.SIGN_OFF:
            found = standing_of(home, ItemKey(document.subject))
            if not isinstance(found.checked, Passed) or found.digest != members["evidence_digest"]:
                raise ItemNotPassed(found, other_than=document.digest)
        case ReadinessKind.SAMPLE:
            if not is_same_person(str(members["person"]), person):
                raise SignatureRefused(file, f"{members['person']} recorded this, and signs it")
            refuse_late(home, expectation_of(document))
        case ReadinessKind.OVERRIDE:
            if is_same_person(str(members["proposed_by"]), person):
                raise SignatureRefused(file, f"{person} proposed this override, so another person signs it")
            if home.clock.now() >= parse_instant(str(members["until"])):
                raise SignatureRefused(file, f"the override ran out at {members['until']}")


def _refuse_second_role(home: Home, file: Path, document: ReadinessDocument, key: SigningKey) -> None:
    keys = {each.key_id: each for each in home.books.signatures.signing_keys()}
    signed = home.books.signatures.signatures()
    before = signed_for_another_role(document, key, signed, keys)
    if before is not None:
        said = f"{before.person} has signed it for {before.role.value} already"
        raise SignatureRefused(file, f"{said}; another person, with a key of their own, signs it")


def _document(
    home: Home, kind: ReadinessKind, subject: str, text: str, person: str | None
) -> ReadinessDocument:
    """As it is recorded: the same text that was recorded before is that document."""
    made = ReadinessDocument(document_digest(text), kind, subject, text, person, home.clock.now())
    there = (each for each in home.books.readiness.documents() if each.digest == made.digest)
    return next(there, made)


def _expectation(home: Home, said: SampleSaid) -> Expectation:
    catalog = load_catalog(home)
    account = CustomerId(said.account)
    if account not in catalog.customers:
        raise NoSuchCustomer(account)
    decided = decision_now(home, person=said.person, reason="recorded beforehand")
    profile = catalog.customers.latest(account)
    assert profile is not None, "a known customer has a version"
    periods, problems = SamplePeriods(home, account), list[str]()
    period = _period_said(periods, said, problems)
    code = said.code or profile.currency
    amount = exact(0)
    try:
        amount = exact(said.amount)
        if not currency(code).has(amount):
            problems.append(f"--amount {said.amount} is finer than the unit of {code}")
    except TieoutError as error:
        problems.append(f"--amount: {error}")
    if problems or period is None:
        raise MalformedSample(account, problems)
    return Expectation(
        account,
        Billed(*periods.days(period), said.paper),
        said.role,
        decided.person,
        amount,
        code,
        said.on,
        decided.decided_at,
        "",
        period=period,
        zone_name=periods.zone(period),
    )


def _period_said(periods: SamplePeriods, said: SampleSaid, problems: list[str]) -> Period | None:
    """A period that is none of the account's would never run."""
    if said.end <= said.start:
        problems.append("--period ends before it begins")
        return None
    found = periods.said((said.start, said.end))
    if found is None:
        each_day = (periods.days(each) for each in periods.around((said.start, said.end)))
        known = ", ".join(f"{start.isoformat()}/{end.isoformat()}" for start, end in dict.fromkeys(each_day))
        typed = f"{said.start.isoformat()}/{said.end.isoformat()}"
        problems.append(f"--period {typed} is no period of it: {known or 'it has no subscription then'}")
    return found
