"""Disputes as they stand, by customer, by id and by invoice; and one more step of one, recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tieout.contract.notice_target import Severity
from tieout.dispute.dispute import Dispute, after, disputes_of, fold
from tieout.dispute.event import DisputeEvent, Said, act_of
from tieout.dispute.owners import NOBODY, Owners
from tieout.dispute.role import MAY, Role
from tieout.dispute.state import Act
from tieout.evidence.stored import StoredInvoice
from tieout.flows.apply_catalog import NoSuchCustomer, load_catalog
from tieout.flows.home import Home
from tieout.kernel.errors import NotFound, Refusal, shown
from tieout.kernel.ids import CustomerId, InvoiceId
from tieout.kernel.instant import Instant
from tieout.notice.notice import Notice, data_text, notice_id, one_line, plain_line
from tieout.ports.disputes import DisputesMoved, Step

SHORT_LENGTH_MIN = 6
TRIES = 3
"""Somebody else may have said something of another dispute of the customer at this very moment."""


class NoSuchDispute(NotFound):
    """No dispute of that id, or more than one begins so."""

    code = "no-such-dispute"

    def __init__(self, id: str, found: int) -> None:
        if found:
            super().__init__(f"{found} disputes begin with {shown(id)}; give more of the id.")
        else:
            super().__init__(f"There is no dispute {shown(id)}; `tieout dispute list --all` names them.")


class OwnersUnnamed(Refusal):
    """Disputes have no owners yet."""

    code = "dispute-owners-unnamed"

    def __init__(self, missing: Sequence[Role]) -> None:
        roles = ", ".join(each.value for each in missing)
        super().__init__(
            f"Nobody is named for disputes as {roles}; nothing was recorded. `tieout dispute owners set` "
            "names them (--ops, --engineering, --finance)."
        )


@dataclass(frozen=True, slots=True)
class Known:
    """A customer's disputes, folded from `seen` events."""

    disputes: tuple[Dispute, ...]
    seen: int


def known_disputes(home: Home, customer: CustomerId) -> Known:
    events = home.books.disputes.events(customer)
    return Known(disputes_of(events), len(events))


def all_disputes(home: Home) -> tuple[Dispute, ...]:
    """Of everybody, by when they were opened."""
    return disputes_of(home.books.disputes.events())


def list_disputes(
    home: Home, customer: str | None = None, *, decided_too: bool = False
) -> tuple[Dispute, ...]:
    """By when they were opened. Raises `NoSuchCustomer`."""
    if customer is None:
        found = all_disputes(home)
    else:
        found = known_disputes(home, CustomerId(customer)).disputes
        if not found and customer not in load_catalog(home).customers:
            raise NoSuchCustomer(CustomerId(customer))
    return tuple(each for each in found if decided_too or each.is_open)


def find_dispute(home: Home, id: str) -> Dispute:
    """By its id, or the beginning of it. Raises `NoSuchDispute`."""
    events = home.books.disputes.of(id)
    if not events:
        found = home.books.disputes.ids(id) if len(id) >= SHORT_LENGTH_MIN else ()
        if len(found) != 1:
            raise NoSuchDispute(id, len(found))
        events = home.books.disputes.of(found[0])
    return fold(events)


def disputes_of_invoice(home: Home, invoice: StoredInvoice) -> tuple[Dispute, ...]:
    """Decided ones too, by when they were opened."""
    known = known_disputes(home, invoice.customer).disputes
    return tuple(each for each in known if each.invoice == invoice.id)


def disputed_by_invoice(home: Home, customer: CustomerId | None = None) -> Mapping[InvoiceId, int]:
    """Minor units of each invoice that open disputes keep from being collected; none where there are none."""
    found: dict[InvoiceId, int] = {}
    for each in disputes_of(home.books.disputes.events(customer)):
        if each.not_collected:
            found[each.invoice] = found.get(each.invoice, 0) + each.not_collected
    return found


def note_numbers(home: Home, dispute: Dispute) -> Mapping[str, str]:
    """The numbers of the credit notes that it gave, by their ids."""
    found = (home.books.invoices.find(each.note) for each in dispute.credits)
    return {each.id: each.number for each in found if each is not None}


def owners_named(home: Home) -> Owners:
    """As they are named now; the roles that nobody has are its `missing`."""
    return home.books.disputes.owners() or NOBODY


def owners_in_force(home: Home) -> Owners:
    """Raises `OwnersUnnamed` where a role has nobody."""
    owners = owners_named(home)
    if owners.missing:
        raise OwnersUnnamed(owners.missing)
    return owners


def check_role(home: Home, person: str, act: Act, what: str) -> Owners:
    """Raises `WrongRole` or `OwnersUnnamed`."""
    owners = owners_in_force(home)
    if act in MAY:
        owners.check(person, MAY[act], what)
    return owners


def recorded(
    home: Home,
    id: str,
    person: str,
    make: Callable[[Dispute, Known, Instant], Said],
    *,
    tell: Callable[[Dispute, DisputeEvent], Sequence[Notice]] = lambda _dispute, _event: (),
    papers: bool = False,
) -> Dispute:
    """One more event of the dispute, after all others of it, with its notices; the dispute after it. Where
    somebody else was faster, `make` is asked again with what holds then. `papers`: it rests on the papers of
    the customer too. Raises `NoSuchDispute`, `NoSuchMove`, `DisputesMoved`, and what `make` raises."""
    named = find_dispute(home, id)
    for left in range(TRIES, 0, -1):
        seen = home.books.corrections.papers(named.customer) if papers else None
        known = known_disputes(home, named.customer)
        dispute = next(each for each in known.disputes if each.id == named.id)
        at = after_all(home, dispute)
        event = next_event(dispute, make(dispute, known, at), person, at)
        found = after(dispute, event)
        try:
            home.books.disputes.record(Step((event,), known.seen, seen, tell(found, event)))
        except DisputesMoved:
            if left == 1:
                raise
        else:
            return found
    raise AssertionError("the last try returns or raises")


def next_event(dispute: Dispute, said: Said, person: str, at: Instant) -> DisputeEvent:
    ordinal = len(dispute.events) + 1
    return DisputeEvent(dispute.id, ordinal, dispute.customer, dispute.invoice, at, person, said)


def after_all(home: Home, dispute: Dispute) -> Instant:
    """Now, or where the clock has stepped back since, right after the last that was recorded of it."""
    return max(home.clock.now(), Instant(dispute.last.at + 1))


def dispute_notice(
    home: Home,
    event: DisputeEvent,
    kind: str,
    *,
    severity: Severity,
    title: str,
    text: str,
    to: Sequence[Role] = (),
) -> Notice:
    """About that event, once; `to`: for the targets of these roles alone, where they have any."""
    owners = owners_named(home)
    targets = sorted({target for role in to for target in owners.targets.get(role, ())})
    data = {"dispute": event.dispute, "invoice": event.invoice, "act": act_of(event.said).value}
    return Notice(
        id=notice_id(kind, event.dispute, str(event.ordinal)),
        kind=kind,
        customer=event.customer,
        severity=severity,
        at=event.at,
        watermark=None,
        title=one_line(title),
        text="\n".join(plain_line(line) for line in text.split("\n")),
        data=data_text({**data, **({"targets": [*targets]} if targets else {})}),
    )
