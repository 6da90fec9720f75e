"""The ledger read and kept: entries, balances, months that are locked, entries that two people post."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tieout.close.period_zone import zone_then
from tieout.contract.reading.table import KEY_PATTERN
from tieout.flows.apply_catalog import NoSuchCustomer, load_catalog
from tieout.flows.decision import decision_now
from tieout.flows.home import Home
from tieout.flows.invoices import NoSuchInvoice
from tieout.kernel.calendar import local_date
from tieout.kernel.errors import NotFound, Refusal, TieoutError, shown
from tieout.kernel.ids import CustomerId, InvoiceId
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.money import Currency, Money, currency
from tieout.kernel.rational import exact, exact_text
from tieout.kernel.zone import zone
from tieout.ledger.account import Account
from tieout.ledger.balances import Balance, Selection, TrialRow, trial_balance
from tieout.ledger.entry import Entry, Posting
from tieout.ledger.lock import Lock, next_lock
from tieout.ledger.manual import ManualDecision, ManualEntry, decided
from tieout.ledger.month import parse_month

MINOR_MAX = 10**18 - 1
MANUAL_ID_BYTES = 8


class NoSuchAccount(NotFound):
    """The chart has no such account."""

    code = "no-such-account"

    def __init__(self, name: str) -> None:
        super().__init__(f"The chart has no account {shown(name)}; `tieout ledger accounts` lists it.")


class ManualRefused(Refusal):
    """What was to be posted makes no sense."""

    code = "manual-entry-refused"


def selected(
    home: Home,
    *,
    customer: str | None = None,
    invoice: str | None = None,
    account: str | None = None,
    since: str | None = None,
    until: str | None = None,
) -> Selection:
    """From the texts of a person; an invoice by id or number. Raises `NotFound` or `MalformedMonth`."""
    found: InvoiceId | None = None
    if invoice is not None:
        stored = home.books.invoices.find(invoice)
        if stored is None:
            raise NoSuchInvoice(invoice)
        found = stored.id
    if customer is not None and customer not in load_catalog(home).customers:
        raise NoSuchCustomer(customer)
    return Selection(
        customer=None if customer is None else CustomerId(customer),
        invoice=found,
        account=None if account is None else account_named(account),
        since=None if since is None else parse_month(since),
        until=None if until is None else parse_month(until),
    )


def account_named(name: str) -> Account:
    if name not in tuple(Account):
        raise NoSuchAccount(name)
    return Account(name)


def list_entries(home: Home, selection: Selection) -> Iterator[Entry]:
    return home.books.ledger.entries(selection)


def list_balances(home: Home, selection: Selection) -> tuple[Balance, ...]:
    """What comes to zero is left out."""
    return tuple(each for each in home.books.ledger.balances(selection) if each.amount.minor)


def trial(home: Home, selection: Selection) -> tuple[tuple[TrialRow, ...], dict[str, int]]:
    """Every account with a posting, and what all of a currency come to: zero, unless the ledger is
    damaged."""
    rows = trial_balance(home.books.ledger.balances(selection))
    return rows, off_by(rows)


def off_by(rows: Sequence[TrialRow]) -> dict[str, int]:
    """What the rows of each currency come to, in minor units."""
    sums: dict[str, int] = {}
    for row in rows:
        sums[row.currency.code] = sums.get(row.currency.code, 0) + row.amount.minor
    return sums


def unposted(home: Home) -> int:
    """How many invoices were sealed before there was a ledger."""
    return len(home.books.ledger.before_ledger())


def lock_month(home: Home, month: str, *, person: str, reason: str) -> Lock:
    """Raises `MalformedMonth`, `DecisionIncomplete` or `NotLockable`."""
    decision = decision_now(home, person=person, reason=reason)
    wanted = Lock(parse_month(month), decision.person, decision.reason, decision.decided_at)
    return home.books.ledger.lock(lambda locks: next_lock(locks, wanted))


def propose_entry(
    home: Home,
    *,
    customer: str,
    currency_code: str | None,
    debits: Sequence[str],
    credits_: Sequence[str],
    effective_at: Instant | None,
    manual_id: str | None,
    person: str,
    reason: str,
) -> ManualEntry:
    """Records what somebody wants posted: `debits` and `credits_` are texts such as `bad-debt=12.50`.

    Nothing is posted until somebody else approves it. Raises `ManualRefused` with every problem,
    `NotFound`, `DecisionIncomplete` or `UnknownCurrency`.
    """
    decision = decision_now(home, person=person, reason=reason)
    catalog = load_catalog(home)
    profile = catalog.customers.latest(customer)
    if profile is None:
        raise NoSuchCustomer(customer)
    unit = currency(profile.currency if currency_code is None else currency_code)
    asked = home.entropy.token(MANUAL_ID_BYTES).hex() if manual_id is None else manual_id
    at = decision.decided_at if effective_at is None else effective_at
    problems = [] if KEY_PATTERN.match(asked) else [f"--id {shown(asked)} is not a key"]
    if at > decision.decided_at:
        problems.append(f"--effective {format_instant(at)} has not come yet")
    postings: list[Posting] = []
    for option, sign, texts in (("--debit", 1, debits), ("--credit", -1, credits_)):
        for text in texts:
            posting = _posting(text, unit, sign)
            if isinstance(posting, str):
                problems.append(f"{option} {shown(text)} {posting}")
            else:
                postings.append(posting)
    off = sum(each.amount.minor for each in postings)
    if not problems and (off or not postings):
        problems.append(
            f"debits and credits differ by {Money(off, unit)}"
            if off
            else "there is no --debit and no --credit"
        )
    if problems:
        raise ManualRefused(f"Nothing was proposed: {'; '.join(problems)}.")
    proposed = ManualEntry(
        id=asked,
        customer=profile.key,
        effective_at=at,
        postings=tuple(postings),
        person=decision.person,
        reason=decision.reason,
        proposed_at=decision.decided_at,
        effective_on=local_date(at, zone(zone_then(catalog, customer, at))),
    )
    home.books.ledger.propose(proposed)
    return proposed


def decide_entry(
    home: Home, manual_id: str, *, approved: bool, person: str, reason: str
) -> tuple[ManualEntry, Entry | None]:
    """The decided entry, and as what it was posted. Raises `NoSuchManualEntry` or `NotDecidable`."""
    decision = decision_now(home, person=person, reason=reason)
    said = ManualDecision(approved, decision.person, decision.reason, decision.decided_at)
    found = home.books.ledger.decide(manual_id, lambda manual: decided(manual, said))
    return found, home.books.ledger.find(found.entry.id) if approved else None


def _posting(text: str, unit: Currency, sign: int) -> Posting | str:
    """A posting, or what is wrong with its text."""
    name, equals, amount_text = text.partition("=")
    if not equals:
        return "is not ACCOUNT=AMOUNT"
    if name not in tuple(Account):
        return "names no account of the chart (`tieout ledger accounts`)"
    try:
        amount = exact(amount_text)
    except TieoutError as error:
        return f"has no amount: {error}"
    if not unit.has(amount):
        return f"is no whole number of minor units: {exact_text(amount)} {unit}"
    minor = Money.exactly(amount, unit).minor
    if not 0 < minor <= MINOR_MAX:
        return "must be above zero and below 10^18 minor units"
    return Posting(Account(name), Money(sign * minor, unit))
