"""Deferred revenue: what lines bill before it is earned, and what of it is over, drawn or lapsed.

Fees in advance and prepaid parts of commitments are balances of their own (`balance/fee.py`,
`balance/commitment.py`): deferred revenue is those balances, less the taxes contained in them, which are owed
to the tax office from the day of the invoice. A movement says what tax its amount contains
(`contained_minor`), where it contains any; so what goes in comes out, to the last minor unit.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tieout.balance.commitment import COMMITMENT, METERED, Role, account_of
from tieout.balance.fee import ADVANCE, BilledFee, billed_fees, fee_line
from tieout.balance.movement import Movement, MovementKind
from tieout.invoice.invoice import Invoice
from tieout.invoice.line import Line
from tieout.kernel.canonical import JsonNumber, canonical_json
from tieout.kernel.ids import LineId, SubscriptionId
from tieout.rate.commitment import PREFIX
from tieout.rate.terms import terms_text
from tieout.rate.unused_fee import is_unused_fee

CONTAINED = "contained_minor"


@dataclass(frozen=True, slots=True)
class Released:
    """Deferred revenue that is earned without a line of its own on this invoice; `line` billed it."""

    minor: int
    line: LineId | None
    lapsed: bool = False


@dataclass(frozen=True, slots=True)
class _Committed:
    """What one commitment does to deferred revenue: the part of each of its lines, and what lapses. How the
    tax contained in it changes by its lines, and how much of it lapses."""

    account: str
    lines: Mapping[LineId, int]
    lapsed: int
    contained: int
    contained_lapsed: int


def deferred_of(
    invoice: Invoice,
    contained: Mapping[LineId, int],
    moved: Sequence[Movement],
    opening: Sequence[Movement],
) -> dict[LineId, int]:
    """The part of each line that is deferred revenue, above zero what it adds."""
    if not moved:
        return {}
    found = {fee_line(each): each.amount.minor for each in moved if each.kind is MovementKind.BILLED}
    for line in found:
        found[line] -= contained.get(line, 0)
    for unused in _unused_lines(invoice):
        found[unused.id] = unused.amount.minor - contained.get(unused.id, 0)
    for committed in _commitments(invoice, contained, moved, opening):
        found.update(committed.lines)
    return found


def releases(
    invoice: Invoice,
    contained: Mapping[LineId, int],
    moved: Sequence[Movement],
    opening: Sequence[Movement],
) -> list[Released]:
    """Fees whose time is over, and what lapses of commitments."""
    if not moved:
        return []
    found = [
        Released(contained_minor(each) - each.amount.minor, fee_line(each))
        for each in moved
        if each.kind is MovementKind.EARNED
    ]
    found += [
        Released(each.lapsed, None, lapsed=True)
        for each in _commitments(invoice, contained, moved, opening)
        if each.lapsed
    ]
    return found


def with_contained(
    invoice: Invoice,
    contained: Mapping[LineId, int],
    moved: Sequence[Movement],
    opening: Sequence[Movement],
) -> tuple[Movement, ...]:
    """The movements of the invoice, each saying what tax its amount contains; most contain none."""
    if not contained and not any(CONTAINED in each.details for each in opening):
        return tuple(moved)
    said: dict[str, int] = {}
    for each in moved:
        if each.kind is MovementKind.BILLED:
            said[each.id] = contained.get(fee_line(each), 0)
    for fee, before in _fees_over(moved, opening):
        back = sum(contained.get(line.id, 0) for line in _unused_lines(invoice) if _is_of(line, fee))
        said[f"earned/{fee.line}/{invoice.id}"] = -before - back
        said[f"credited/{fee.line}/{invoice.id}"] = back
    for committed in _commitments(invoice, contained, moved, opening):
        ours = [each for each in moved if each.account == committed.account]
        by_lines = [each.id for each in ours if each.kind in (MovementKind.COMMITTED, MovementKind.DRAWN)]
        said.update(dict.fromkeys(by_lines[:1], committed.contained))
        lapses = [each.id for each in ours if each.kind is MovementKind.LAPSED]
        said.update(dict.fromkeys(lapses[:1], -committed.contained_lapsed))
    return tuple(_saying(each, said.get(each.id, 0)) for each in moved)


def contained_minor(movement: Movement) -> int:
    """The part of its amount that is tax."""
    return int(json.loads(movement.details)[CONTAINED]) if CONTAINED in movement.details else 0


def _saying(movement: Movement, minor: int) -> Movement:
    if not minor:
        return movement
    details = json.loads(movement.details, parse_int=JsonNumber)
    return replace(movement, details=canonical_json({**details, CONTAINED: JsonNumber(str(minor))}))


def _unused_lines(invoice: Invoice) -> list[Line]:
    """Those that give back a fee while it is settled; a correction of one finds nothing deferred any more."""
    return [
        line
        for line in invoice.lines
        if line.charge.snapshot is None and line.correction is None and is_unused_fee(line.charge)
    ]


def _fees_over(moved: Sequence[Movement], opening: Sequence[Movement]) -> Iterable[tuple[BilledFee, int]]:
    """The fees that this invoice settles, each with the tax it was billed with."""
    over = {fee_line(each) for each in moved if each.kind is MovementKind.EARNED}
    taxed = {fee_line(each): contained_minor(each) for each in opening if each.kind is MovementKind.BILLED}
    subscriptions = {
        SubscriptionId(each.account.removeprefix(ADVANCE))
        for each in moved
        if each.kind is MovementKind.EARNED
    }
    for subscription in sorted(subscriptions):
        for fee in billed_fees(opening, subscription):
            if fee.line in over:
                yield fee, taxed[fee.line]


def _is_of(line: Line, fee: BilledFee) -> bool:
    charge = line.charge
    same = (charge.subscription, line.price, line.price_version, terms_text(charge.terms))
    return same == (fee.subscription, fee.price, fee.price_version, fee.terms) and fee.segment.contains(
        charge.segment.start
    )


def _commitments(
    invoice: Invoice,
    contained: Mapping[LineId, int],
    moved: Sequence[Movement],
    opening: Sequence[Movement],
) -> list[_Committed]:
    accounts = {
        each.account: None
        for each in moved
        if each.account.startswith(COMMITMENT) and not each.account.endswith(METERED)
    }
    return [_committed(account, invoice, contained, moved, opening) for account in accounts]


@dataclass(slots=True)
class _Held:
    """What is prepaid on an account, and the tax in it. Both go down in proportion; the last of it takes
    all."""

    minor: int
    tax: int

    def add(self, minor: int, tax: int) -> int:
        """What is deferred of it."""
        self.minor, self.tax = self.minor + minor, self.tax + tax
        return minor - tax

    def take(self, minor: int) -> int:
        """The tax in what is taken."""
        tax = self.tax * minor // self.minor if self.minor else 0
        self.minor, self.tax = self.minor - minor, self.tax - tax
        return tax


def _committed(
    account: str,
    invoice: Invoice,
    contained: Mapping[LineId, int],
    moved: Sequence[Movement],
    opening: Sequence[Movement],
) -> _Committed:
    lines: dict[Role, list[Line]] = {}
    for role, line in _role_lines(invoice):
        if _account(line) == account:
            lines.setdefault(role, []).append(line)
    ours = [each for each in opening if each.account == account]
    before = sum(map(contained_minor, ours))
    held = _Held(sum(each.amount.minor for each in ours), before)
    parts: dict[LineId, int] = {}
    lapsed, lapsed_tax = 0, 0
    for line in lines.get(Role.UPFRONT, ()):
        parts[line.id] = held.add(line.amount.minor, contained.get(line.id, 0))
    for line in (*lines.get(Role.ROLLED_OVER, ()), *lines.get(Role.DRAWDOWN, ())):
        drawn = _drawn(line)
        parts[line.id] = drawn + held.take(-drawn)
    if Role.LAPSED in lines:
        gone = -_moved(moved, account, MovementKind.LAPSED)
        lapsed_tax = held.take(gone)
        lapsed = gone - lapsed_tax
    if due := lines.get(Role.TRUE_UP):
        asked = sum(line.amount.minor for line in due)
        kept = asked + _moved(moved, account, MovementKind.TRUED_UP)
        if kept:
            tax = sum(contained.get(line.id, 0) for line in due)
            parts[due[-1].id] = held.add(kept, tax * kept // asked if asked else 0)
    return _Committed(account, parts, lapsed, held.tax + lapsed_tax - before, lapsed_tax)


def _drawn(line: Line) -> int:
    """What the line takes off what is prepaid: of a period's own line all of it, since interim invoices show
    it and move no balance."""
    settled = () if line.correction is not None else line.earlier
    return line.amount.minor + sum(each.amount.minor for each in settled)


def _role_lines(invoice: Invoice) -> Iterable[tuple[Role, Line]]:
    for line in invoice.lines:
        if line.price.startswith(PREFIX):
            yield Role(line.price.rpartition("/")[2]), line


def _account(line: Line) -> str:
    return account_of(line.charge.subscription, line.price.removeprefix(PREFIX).rpartition("/")[0])


def _moved(moved: Iterable[Movement], account: str, kind: MovementKind) -> int:
    return sum(each.amount.minor for each in moved if each.account == account and each.kind is kind)
