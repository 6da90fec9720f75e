"""Sealed periods rated again under another catalog, as of their sealed cutoff: what would have been billed.

Nothing is stored. What was billed is taken from the sealed document, what would have been from the same path
that drafts an invoice, so that a simulation without a difference gives the sealed amounts to the cent.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tieout.close.account import AccountOutcome
from tieout.close.outcome import Held, Outcome, Parked
from tieout.contract.catalog import Catalog
from tieout.evidence.stored import StoredInvoice
from tieout.flows.apply_catalog import NoSuchCustomer, load_catalog
from tieout.flows.balances_then import one_by_one
from tieout.flows.candidate_catalog import candidate_catalog
from tieout.flows.draft_accounts import draft_accounts
from tieout.flows.due_accounts import DueAccount
from tieout.flows.home import Home
from tieout.flows.interim_accounts import after_interims, interims_of
from tieout.flows.invoices import show_invoice
from tieout.flows.own_part import own_lines, own_total, printed_money
from tieout.flows.policy import NOT_SIGNED, PolicyState, governing, policies
from tieout.flows.read_log import read_log
from tieout.invoice.document import document_bytes
from tieout.invoice.invoice import KIND_FINAL
from tieout.invoice.stored_document import LineOfDocument, StoredDocument, read_document
from tieout.kernel.errors import NotFound, Refusal, shown
from tieout.kernel.ids import CustomerId, InvoiceId, SubscriptionId, Watermark
from tieout.kernel.instant import to_datetime
from tieout.kernel.money import Money, currency
from tieout.kernel.period import Period
from tieout.kernel.zone import zone
from tieout.ports import LogManifest
from tieout.rate.charge import GroupName

MONTH_PATTERN = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])\Z")

LineKey = tuple[str, str, str, GroupName, str, int]
"""Subscription, program, price, group, start of the segment, and which of several."""


class MalformedMonth(Refusal):
    """A month is YYYY-MM."""

    code = "malformed-month"

    def __init__(self, text: str) -> None:
        super().__init__(f"{shown(text)} is not a month (YYYY-MM).")


class NothingSealed(NotFound):
    """There is no closed period of that choice."""

    code = "nothing-sealed"

    def __init__(self, month: str | None, customer: str | None) -> None:
        whose = "" if customer is None else f" of {customer}"
        when = "" if month is None else f" that starts in {month}"
        super().__init__(
            f"There is no sealed period{whose}{when} here; `tieout invoice list` names those there are."
        )


class NotSimulated(Refusal):
    """Only the final invoice of a period, and only while it stands, has a price of its own."""

    code = "not-simulated"

    def __init__(self, stored: StoredInvoice) -> None:
        what = "void" if stored.kind == KIND_FINAL else f"of kind {stored.kind}"
        super().__init__(f"{stored.number} is {what}; only final invoices that stand are worked out again.")


@dataclass(frozen=True, slots=True)
class SimulatedLine:
    """A line before and after; None where there was, or would be, none. `difference` is after less before."""

    subscription: str
    price: str
    program: str | None
    description: str
    quantity_before: str | None
    quantity_after: str | None
    amount_before: Money | None
    amount_after: Money | None
    difference: Money


@dataclass(frozen=True, slots=True)
class SimulatedInvoice:
    """One sealed period. `problem` says why it cannot be rated under the candidate; then nothing is known of
    the after. `drift` is what the applied catalog by itself, changed since the seal, would make of the total.
    """

    invoice: InvoiceId
    number: str
    customer: CustomerId
    period: Period
    cutoff: Watermark
    lines: tuple[SimulatedLine, ...]
    total_before: Money
    total_after: Money | None
    drift: Money | None
    problem: str | None

    @property
    def differs(self) -> bool:
        if self.total_after is None:
            return True
        return self.total_after != self.total_before or any(
            line.difference.minor or line.amount_before is None or line.amount_after is None
            for line in self.lines
        )


@dataclass(frozen=True, slots=True)
class Simulation:
    """By customer and period. `totals`: before and after for each currency, of the periods without a
    problem.
    """

    invoices: tuple[SimulatedInvoice, ...]
    totals: tuple[tuple[Money, Money], ...]
    standing: str = NOT_SIGNED

    @property
    def differs(self) -> bool:
        return any(invoice.differs for invoice in self.invoices)


@dataclass(frozen=True, slots=True)
class _Sealed:
    stored: StoredInvoice
    paper: StoredDocument


def simulate(
    home: Home,
    folder: Path,
    *,
    customer: CustomerId | None = None,
    month: str | None = None,
    invoice: str | None = None,
) -> Simulation:
    """The chosen sealed periods under the applied catalog with the folder's documents laid over it.

    `month`: periods that start in it, in the customer's zone. Raises `CatalogRefused`, `MalformedMonth`,
    `NoSuchCustomer`, `NoSuchInvoice`, `NotSimulated`, `NothingSealed` and `InvoiceDamaged`.
    """
    if month is not None and MONTH_PATTERN.match(month) is None:
        raise MalformedMonth(month)
    applied = load_catalog(home)
    if customer is not None and customer not in applied.customers:
        raise NoSuchCustomer(customer)
    candidate = candidate_catalog(folder, home.books.documents.all())
    chosen = _chosen(home, customer, month=month, invoice=invoice)
    signed = policies(home)
    found: list[SimulatedInvoice] = []
    for cutoff, group in _by_cutoff(chosen):
        after = _drafts(home, candidate, signed, group, cutoff)
        today = _drafts(home, applied, signed, group, cutoff)
        found += [
            _compared(sealed, after=after[sealed.stored.id], today=today[sealed.stored.id])
            for sealed in group
        ]
    found.sort(key=lambda each: (each.customer, each.period, each.number))
    return Simulation(tuple(found), _totals(found))


def _chosen(
    home: Home, customer: CustomerId | None, *, month: str | None, invoice: str | None
) -> list[_Sealed]:
    if invoice is not None:
        rows = [show_invoice(home, invoice)]
        rows = [row for row in rows if customer in (None, row.customer)]
    else:
        rows = [show_invoice(home, row.id) for row in home.books.invoices.sealed(customer)]
    # an interim is part of its final invoice, a note has no price of its own, and what is void bills nothing
    void = {each.invoice.id for each in home.books.corrections.voids()}
    finals = [row for row in rows if row.kind == KIND_FINAL and row.id not in void]
    if invoice is not None and rows and not finals:
        raise NotSimulated(rows[0])
    found = [_Sealed(row, read_document(row.number, row.document)) for row in finals]
    found = [each for each in found if month is None or _month(each) == month]
    if not found:
        raise NothingSealed(month, customer)
    return found


def _month(sealed: _Sealed) -> str:
    local = to_datetime(sealed.stored.period.start).astimezone(zone(sealed.paper.period.zone))
    return f"{local:%Y-%m}"


def _by_cutoff(chosen: Iterable[_Sealed]) -> list[tuple[Watermark, list[_Sealed]]]:
    groups: dict[Watermark, list[_Sealed]] = {}
    for sealed in chosen:
        groups.setdefault(Watermark(sealed.stored.cutoff), []).append(sealed)
    return sorted(groups.items())


Drafted = StoredDocument | str
"""The document that would be sealed, or why there would be none."""


def _drafts(
    home: Home,
    catalog: Catalog,
    signed: Sequence[PolicyState],
    group: Sequence[_Sealed],
    cutoff: Watermark,
) -> Mapping[InvoiceId, Drafted]:
    """What the close would have drafted with this log and that catalog."""
    drafted: dict[InvoiceId, Drafted] = {}
    accounts: dict[tuple[CustomerId, Period], InvoiceId] = {}
    due: list[DueAccount] = []
    interims = interims_of(home, signed, sorted({sealed.stored.customer for sealed in group}))
    sealed_at = {(each.stored.customer, each.stored.period): each.stored for each in group}
    for sealed in group:
        account = _account(catalog, signed, sealed)
        if isinstance(account, str):
            drafted[sealed.stored.id] = account
        else:
            accounts[account.customer, account.period] = sealed.stored.id
            due.append(after_interims(account, interims))

    def draft(manifest: LogManifest) -> tuple[list[tuple[DueAccount, StoredDocument]], list[AccountOutcome]]:
        papers: list[tuple[DueAccount, StoredDocument]] = []
        stopped: list[AccountOutcome] = []
        for accounts, opening in one_by_one(home, due, sealed_at):
            ready, others = draft_accounts(
                home.engine, catalog, accounts, manifest, sealed={}, meter_changes={}, recorded=opening
            )
            papers += [
                (each.account, read_document(each.invoice.id, document_bytes(each.invoice))) for each in ready
            ]
            stopped += others
        return papers, stopped

    ready, stopped = read_log(home, draft, watermark=cutoff)
    for account, paper in ready:
        drafted[accounts[account.customer, account.period]] = paper
    for outcome in stopped:
        assert outcome.period is not None, "a due account has its period"
        drafted[accounts[outcome.customer, outcome.period]] = _why(outcome.outcome)
    return drafted


def _account(catalog: Catalog, signed: Sequence[PolicyState], sealed: _Sealed) -> DueAccount | str:
    """The account with the subscriptions that its invoice billed, as the catalog has them now."""
    stored, paper = sealed.stored, sealed.paper
    wholes: dict[SubscriptionId, Period] = {}
    for line in own_lines(paper):
        whole = (line.share_of or paper.period).period
        if not whole.overlaps(stored.period):  # a fee for a period to come says nothing about this one
            whole = stored.period
        wholes.setdefault(line.subscription, whole)
    known = {each.key: each for each in catalog.subscriptions_of(stored.customer)}
    missing = sorted(set(wholes) - set(known))
    if missing:
        return f"there is no subscription {missing[0]} of {stored.customer} in this catalog"
    policy = governing(signed, stored.period.start)
    if policy is None:
        return "no signed policy governs this period"
    names = sorted(wholes)
    return DueAccount(
        stored.customer,
        stored.period,
        tuple(known[name] for name in names),
        tuple(wholes[name] for name in names),
        policy,
    )


def _why(outcome: Outcome) -> str:
    match outcome:
        case Parked(reason, _):
            return reason
        case Held(_, breaks):
            return "; ".join(f"{each.tie}: expected {each.expected}, found {each.found}" for each in breaks)
        case _:
            raise AssertionError(f"a draft that is not ready is held or parked, not {outcome}")


def _compared(sealed: _Sealed, *, after: Drafted, today: Drafted) -> SimulatedInvoice:
    stored, before = sealed.stored, sealed.paper
    code = before.currency
    problem = after if isinstance(after, str) else None
    if not isinstance(after, str) and after.currency != code:
        problem = f"it would be in {after.currency} and not in {code}"
    lines: tuple[SimulatedLine, ...] = ()
    total_after = None
    if problem is None and not isinstance(after, str):
        lines = tuple(_lines(own_lines(before), after.lines, code))
        total_after = _money(after.total, code)
    total = own_total(before)
    drift = None
    if not isinstance(today, str) and today.currency == code:
        drift = _money(today.total, code) - total
    return SimulatedInvoice(
        invoice=stored.id,
        number=stored.number,
        customer=stored.customer,
        period=stored.period,
        cutoff=Watermark(stored.cutoff),
        lines=lines,
        total_before=total,
        total_after=total_after,
        drift=drift,
        problem=problem,
    )


def _lines(
    before: Sequence[LineOfDocument], after: Sequence[LineOfDocument], code: str
) -> list[SimulatedLine]:
    """By subscription, in the order of the lines before; new ones follow, in their own order."""
    old, new = _keyed(before), _keyed(after)
    places = {key: place for place, key in enumerate([*old, *(key for key in new if key not in old)])}
    keys = sorted(places, key=lambda key: (key[0], places[key]))
    return [_line(old.get(key), new.get(key), code) for key in keys]


def _keyed(lines: Sequence[LineOfDocument]) -> dict[LineKey, LineOfDocument]:
    """What makes a line the same line under another price: whose, of what, and from when."""
    found: dict[LineKey, LineOfDocument] = {}
    seen: Counter[tuple[str, str, str, GroupName, str]] = Counter()
    for line in lines:
        program = "" if line.program is None else line.program.key
        fee = (line.subscription, program, line.price, line.group, line.segment.start)
        found[(*fee, seen[fee])] = line
        seen[fee] += 1
    return found


def _line(before: LineOfDocument | None, after: LineOfDocument | None, code: str) -> SimulatedLine:
    shown_line = after if before is None else before
    assert shown_line is not None, "a key is of a line"
    old = None if before is None else _money(before.amount, code)
    new = None if after is None else _money(after.amount, code)
    nothing = Money(0, currency(code))
    return SimulatedLine(
        subscription=shown_line.subscription,
        price=shown_line.price,
        program=None if shown_line.program is None else shown_line.program.key,
        description=shown_line.description,
        quantity_before=None if before is None else before.quantity,
        quantity_after=None if after is None else after.quantity,
        amount_before=old,
        amount_after=new,
        difference=(new or nothing) - (old or nothing),
    )


def _totals(found: Sequence[SimulatedInvoice]) -> tuple[tuple[Money, Money], ...]:
    totals: dict[str, tuple[Money, Money]] = {}
    for each in found:
        if each.total_after is not None:
            unit = each.total_before.currency
            before, after = totals.get(unit.code, (Money(0, unit), Money(0, unit)))
            totals[unit.code] = (before + each.total_before, after + each.total_after)
    return tuple(totals[code] for code in sorted(totals))


def _money(text: str, code: str) -> Money:
    return printed_money(text, currency(code))
