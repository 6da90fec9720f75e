"""The ledger: a `payment` is recorded, a month is put under `lock`.

At the end, `[[balance]]` with `customer`, `account`, `currency` and `amount`; debits are above zero.
`[[booked]]` with `customer`, `kind`, `effective` and `month`: in which accounting month entries of a kind
stand that count for another one; all such entries of a customer that has one are told.
`[[posted]]` with `customer`, `by` (the number of the paper that posted it), `line_of` (of the paper of the
line that it is for), `kind`, `account`, `amount` and `month`: all postings for lines of a customer that has
one.

Of a customer that has one, all balances but zeros are told. Whatever is told, all postings add up to zero.
"""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import func, select

from tests.scenarios.frame import Playing, Told, Verb
from tieout.flows.ledger import lock_month
from tieout.flows.payments import record_payment
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.money import Money, currency
from tieout.store.books.schema import invoice
from tieout.store.books.schema_close import journal_entry, posting


def check_balances(playing: Playing, told: list[Told]) -> None:
    found = _balances(playing)
    sums: dict[str, Decimal] = {}
    for each in found:
        sums[each["currency"]] = sums.get(each["currency"], Decimal(0)) + Decimal(each["amount"])
    assert not any(sums.values()), f"the trial balance does not balance: {sums}"
    customers = {each["customer"] for each in told}
    known = [each for each in found if each["customer"] in customers]
    assert known == sorted(told, key=_order)


def _balances(playing: Playing) -> list[Told]:
    """Summed from the postings themselves, not by the code that reports them."""
    columns = (journal_entry.c.customer, posting.c.account, posting.c.currency)
    asked = (
        select(*columns, func.sum(posting.c.amount_minor))
        .join(journal_entry, journal_entry.c.id == posting.c.entry)
        .group_by(*columns)
    )
    with playing.stage.home.books.engine.connect() as connection:  # type: ignore[attr-defined]
        rows = connection.execute(asked).all()
    balances = [
        {
            "customer": customer,
            "account": account,
            "currency": code,
            "amount": Money(int(minor), currency(code)).decimal_text,
        }
        for customer, account, code, minor in rows
        if minor
    ]
    return sorted(balances, key=_order)


def _order(balance: Told) -> tuple[str, str, str]:
    return balance["customer"], balance["account"], balance["currency"]


def pay(playing: Playing, step: Told) -> None:
    told = step["payment"]
    record_payment(
        playing.stage.home,
        told["invoice"],
        amount=told["amount"],
        reference=told["reference"],
        person="Fay",
        received_at=None,
    )


def lock(playing: Playing, step: Told) -> None:
    lock_month(playing.stage.home, step["lock"], person="Fay", reason="the month is reported")


def check_booked(playing: Playing, told: list[Told]) -> None:
    asked = select(
        journal_entry.c.customer,
        journal_entry.c.kind,
        journal_entry.c.effective_at,
        journal_entry.c.accounting_period,
    )
    with playing.stage.home.books.engine.connect() as connection:  # type: ignore[attr-defined]
        rows = connection.execute(asked).all()
    customers = {each["customer"] for each in told}
    found = [
        {"customer": customer, "kind": kind, "effective": effective, "month": month}
        for customer, kind, at, month in rows
        if (effective := format_instant(Instant(at))[:7]) != month and customer in customers
    ]
    assert sorted(found, key=str) == sorted(told, key=str)


def check_posted(playing: Playing, told: list[Told]) -> None:
    """The number of a line's paper is that of the invoice that its id begins with."""
    papers = invoice.alias("papers")
    asked = (
        select(
            journal_entry.c.customer,
            papers.c.number.label("by"),
            invoice.c.number.label("line_of"),
            journal_entry.c.kind,
            posting.c.account,
            posting.c.currency,
            posting.c.amount_minor,
            journal_entry.c.accounting_period.label("month"),
        )
        .join(journal_entry, journal_entry.c.id == posting.c.entry)
        .join(papers, papers.c.id == journal_entry.c.invoice)
        .join(invoice, invoice.c.id == func.substr(posting.c.line, 1, func.length(invoice.c.id)))
    )
    with playing.stage.home.books.engine.connect() as connection:  # type: ignore[attr-defined]
        rows = [dict(row) for row in connection.execute(asked).mappings()]
    customers = {each["customer"] for each in told}
    found = [
        {**row, "amount": Money(row.pop("amount_minor"), currency(row.pop("currency"))).decimal_text}
        for row in rows
        if row["customer"] in customers
    ]
    found = [{name: each[name] for name in told[0]} for each in found] if told else []
    assert sorted(found, key=str) == sorted(told, key=str)


STEPS = {"payment": Verb(pay), "lock": Verb(lock)}
ENDS = {"balance": check_balances, "booked": check_booked, "posted": check_posted}
