"""Lines that a person adds to an invoice: recorded by one, approved or rejected by another, then in the
draft."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tieout.close.account import AccountOutcome
from tieout.close.calendar import calendar_of, is_active
from tieout.close.outcome import Parked
from tieout.contract.catalog import Catalog
from tieout.contract.party import Customer
from tieout.contract.tax import STANDARD_CATEGORY
from tieout.flows.apply_catalog import NoSuchCustomer, load_catalog
from tieout.flows.billed_of import payers
from tieout.flows.decision import decision_now
from tieout.flows.due_accounts import DueAccount, period_defaults
from tieout.flows.home import Home
from tieout.flows.policy import policies
from tieout.flows.seal_account import MINOR_UNITS_MAX
from tieout.invoice.billable import Billable
from tieout.invoice.invoice import KIND_FINAL
from tieout.kernel.errors import ConflictError, NotFound, Refusal, TieoutError, shown
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.money import Currency, Money, currency
from tieout.kernel.period import Period
from tieout.kernel.person import is_same_person
from tieout.kernel.rational import exact
from tieout.rate.charge import Charge
from tieout.rate.manual_line import DecidedLine, LineDecision, ManualLine, line_id_of, manual_charge

DESCRIPTION_LENGTH_MAX = 200
FORMULA_STARTS = ("=", "+", "-", "@")
"""A spreadsheet takes a text that begins so for a formula (OWASP, "CSV Injection")."""


class LineRefused(Refusal):
    """What was given for a line is not acceptable: every problem at once."""

    code = "line-refused"

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("The line is refused: " + "; ".join(problems) + ".")


class NoSuchManualLine(NotFound):
    """No line of that id was recorded."""

    code = "no-such-manual-line"

    def __init__(self, id: str) -> None:
        super().__init__(f"There is no line {shown(id)} here; `tieout draft lines` names those there are.")


class LineDecided(ConflictError):
    """A line is decided once."""

    code = "line-decided"

    def __init__(self, line: ManualLine) -> None:
        decided = line.decided
        by = "" if decided is None else f" by {decided.person}: {decided.reason}"
        word = "recorded" if decided is None else decided.decision.value
        super().__init__(f"Line {line.id} is {word} already{by}; that is final. Record another line instead.")


class SamePerson(Refusal):
    """Who recorded a line cannot approve it."""

    code = "same-person"

    def __init__(self, person: str, what: str) -> None:
        super().__init__(f"{person} recorded {what}: another person must approve it.")


class NoBillingPeriod(Refusal):
    """The customer has no billing period there, or several and none was named exactly."""

    code = "no-billing-period"

    def __init__(self, customer: str, start: Instant, candidates: Sequence[Period]) -> None:
        if candidates:
            listed = ", ".join(
                f"{format_instant(each.start)}/{format_instant(each.end)}" for each in candidates
            )
            super().__init__(f"--period: name one billing period of customer {customer} exactly: {listed}.")
        else:
            super().__init__(
                f"--period: no subscription of customer {customer} is billed for {format_instant(start)}; "
                "`tieout customer show` tells what there is."
            )


@dataclass(frozen=True, slots=True)
class LineOrder:
    """What is asked for. `within` is an instant inside the billing period, `until` its end where that must be
    said; `amount` a plain decimal in the customer's currency, below zero for a credit."""

    customer: str
    within: Instant
    until: Instant | None
    amount: str
    description: str
    tax_category: str | None


@dataclass(frozen=True, slots=True)
class LineRow:
    """A line as lists show it. `state` is one word; `invoice` the number it stands on; `left_out` the number
    of the sealed invoice of its period where it does not stand on that."""

    line: ManualLine
    state: str
    invoice: str | None
    left_out: str | None


def add_line(home: Home, order: LineOrder, *, person: str, reason: str) -> ManualLine:
    """Records a line that waits for its approval. Raises `LineRefused`, `NoBillingPeriod`, `LineDecided` (the
    same was recorded at this very instant), `NoSuchCustomer`, `SealedAlready`, or `DecisionIncomplete`."""
    decision = decision_now(home, person=person, reason=reason)
    catalog = load_catalog(home)
    if order.customer not in catalog.customers:
        raise NoSuchCustomer(order.customer)
    profile = catalog.customers.versions(CustomerId(order.customer))[-1]
    period = billing_period(home, catalog, profile, order.within, until=order.until)
    unit = currency(profile.currency)
    problems = [*_text_problems(order.description), *_category_problems(catalog, order.tax_category)]
    amount = _amount(order.amount, unit, problems)
    if problems or amount is None:
        raise LineRefused(problems)
    line = ManualLine(
        id="",
        customer=profile.key,
        period=period,
        amount=amount,
        description=order.description.strip(),
        tax_category=order.tax_category or STANDARD_CATEGORY,
        person=decision.person,
        reason=decision.reason,
        recorded_at=decision.decided_at,
    )
    line = replace(line, id=line_id_of(line))
    if not home.books.manual_lines.add(line):
        raise LineDecided(line)
    return line


def decide_line(home: Home, id: str, decision: LineDecision, *, person: str, reason: str) -> ManualLine:
    """Raises `NoSuchManualLine`, `SamePerson` (who recorded it may reject it), `LineDecided`,
    `SealedAlready` or `DecisionIncomplete`."""
    said = decision_now(home, person=person, reason=reason)
    line = home.books.manual_lines.find(id)
    if line is None:
        raise NoSuchManualLine(id)
    if line.decided is not None:
        raise LineDecided(line)
    if decision is LineDecision.APPROVED and is_same_person(said.person, line.person):
        raise SamePerson(said.person, f"line {line.id}")
    decided = DecidedLine(decision, said.person, said.reason, said.decided_at)
    if not home.books.manual_lines.decide(line, decided):
        raise LineDecided(home.books.manual_lines.find(id) or line)
    return replace(line, decided=decided)


def list_lines(home: Home, customer: str | None = None) -> tuple[LineRow, ...]:
    """All of them, or one customer's, each with what became of it. Raises `NoSuchCustomer`."""
    lines = home.books.manual_lines.all(customer=None if customer is None else CustomerId(customer))
    if customer is not None and not lines and customer not in load_catalog(home).customers:
        raise NoSuchCustomer(customer)
    billed = home.books.manual_lines.billed(lines)
    return tuple(_row(home, line, billed.get(line.id)) for line in lines)


def with_manual_lines(
    home: Home, catalog: Catalog, due: Sequence[DueAccount]
) -> tuple[list[DueAccount], list[AccountOutcome]]:
    """The accounts with the approved lines of their periods; one whose lines cannot be asked for is
    parked."""
    if not due:
        return [], []
    lines = home.books.manual_lines.all(since=min(account.period.start for account in due))
    approved: dict[tuple[CustomerId, Period], list[ManualLine]] = {}
    for line in lines:
        if line.is_approved:
            approved.setdefault((line.customer, line.period), []).append(line)
    if not approved:
        return list(due), []
    found: list[DueAccount] = []
    parked: list[AccountOutcome] = []
    for account in due:
        ours = approved.get((account.customer, account.period), [])
        if not ours or account.kind != KIND_FINAL:
            found.append(account)
            continue
        try:
            asked = tuple(Billable(_charge(catalog, account, line)) for line in ours)
            found.append(replace(account, additions=(*account.additions, *asked)))
        except TieoutError as error:
            action = "reject the line and record another one, or correct the catalog; then close again"
            parked.append(AccountOutcome(account.customer, account.period, Parked(str(error), action)))
    return found, parked


def billing_period(
    home: Home, catalog: Catalog, profile: Customer, within: Instant, *, until: Instant | None
) -> Period:
    """The period of the customer's calendar that holds the instant, less what is sealed of it. Raises
    `NoBillingPeriod`."""
    defaults = period_defaults(policies(home))
    billed = home.books.invoices.billed(payers(catalog, [profile.key]))
    found: set[Period] = set()
    for subscription in catalog.subscriptions_of(profile.key):
        period = calendar_of(catalog, subscription, defaults).at(within).period
        if is_active(subscription, period):
            done = [each.end for each in billed.get(subscription.key, ())]
            start = max((end for end in done if period.start < end < period.end), default=period.start)
            found.add(Period(start, period.end))
    exactly = [each for each in found if until is None or (each.start == within and each.end == until)]
    if len(exactly) != 1:
        raise NoBillingPeriod(profile.key, within, sorted(found) if exactly or until is not None else [])
    return exactly[0]


def _row(home: Home, line: ManualLine, invoice: str | None) -> LineRow:
    state = "waits for approval" if line.decided is None else line.decided.decision.value
    if invoice is not None:
        return LineRow(line, "billed", invoice, None)
    rejected = line.decided is not None and line.decided.decision is LineDecision.REJECTED
    left_out = None if rejected else home.books.manual_lines.sealed(line)
    return LineRow(line, state if left_out is None else "left out", None, left_out)


def _charge(catalog: Catalog, account: DueAccount, line: ManualLine) -> Charge:
    subscription = account.subscriptions[0]
    begun = [phase for phase in subscription.phases if phase.start < account.period.end]
    phase = (begun or subscription.phases)[-1]
    plan = catalog.plans.at(phase.plan, account.period.last_instant) or catalog.plans.versions(phase.plan)[-1]
    return manual_charge(line, subscription=subscription.key, plan=plan.key, plan_version=plan.version)


def _text_problems(description: str) -> list[str]:
    text, problems = description.strip(), []
    if not 1 <= len(text) <= DESCRIPTION_LENGTH_MAX or not text.isprintable():
        problems.append(
            f"--description must be 1 to {DESCRIPTION_LENGTH_MAX} printable characters, "
            f"not {shown(description)}"
        )
    if text.startswith(FORMULA_STARTS):
        problems.append(f"--description must not begin with {text[0]}: spreadsheets take it for a formula")
    return problems


def _category_problems(catalog: Catalog, category: str | None) -> list[str]:
    if category is None:
        return []
    known = {price.tax_category for price in catalog.prices} | {STANDARD_CATEGORY}
    known |= {each for tax in catalog.taxes for each in tax.categories}
    if category in known:
        return []
    return [f"--tax-category: {shown(category)} is none of {', '.join(sorted(known))}"]


def _amount(text: str, unit: Currency, problems: list[str]) -> Money | None:
    try:
        amount = exact(text)
    except TieoutError as error:
        problems.append(f"--amount: {str(error).rstrip('.')}")
        return None
    if not unit.has(amount):
        digits = f"{unit.exponent} decimals" if unit.exponent else "no decimals"
        problems.append(f"--amount: {text} {unit.code} does not exist: {unit.code} has {digits}")
    elif amount == 0:
        problems.append("--amount: a line of nothing changes nothing")
    elif abs(minor := Money.exactly(amount, unit).minor) > MINOR_UNITS_MAX:
        problems.append(f"--amount: {minor} minor units do not fit; at most {MINOR_UNITS_MAX}")
    else:
        return Money.exactly(amount, unit)
    return None
