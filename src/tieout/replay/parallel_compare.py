"""Two systems' invoices side by side: what a period cost a customer there and here, line by line.

Rows and lines are joined by what they are for: an item of theirs is the price, meter or coupon that the map
says, else the price, the meter or the description here that has its name. What is joined, over however many
rows and lines, is compared as one; nothing may differ but by a tolerance that has a name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.period import Period
from tieout.kernel.rational import Exact
from tieout.replay.parallel_map import ItemMap, ParallelMap, Tolerance
from tieout.replay.parallel_theirs import TheirRow

TAX: Final = "tax"


class Status(StrEnum):
    """How a compared line ended."""

    MATCHED = "matched"
    TOLERATED = "tolerated"
    DIFFERS = "differs"
    MISSING_HERE = "missing here"
    MISSING_THERE = "missing there"
    NOTHING_BILLED = "nothing billed"
    IGNORED = "ignored"


DIFFERENCES: Final = frozenset({Status.DIFFERS, Status.MISSING_HERE, Status.MISSING_THERE})


@dataclass(frozen=True, slots=True)
class Account:
    """Whose bill of which period; the two systems meet here."""

    customer: str
    period: Period
    currency: str


@dataclass(frozen=True, slots=True)
class OurLine:
    """A line, or what a coupon took off (then `coupon`), of a sealed paper. `quantity` is None of fees and
    coupons: theirs is not compared with it."""

    account: Account
    number: str
    price: str
    meter: str
    coupon: str
    description: str
    unit: str
    quantity: Exact | None
    amount: Exact


@dataclass(frozen=True, slots=True)
class Side:
    """One system's part of a compared line. None: it says nothing of it."""

    names: tuple[str, ...]
    unit: str | None
    quantity: Exact | None
    amount: Exact


@dataclass(frozen=True, slots=True)
class Compared:
    """`rows` are lines of their file; `why` says what differs, or why it is ignored."""

    status: Status
    rows: tuple[int, ...]
    theirs: Side | None
    ours: Side | None
    why: str = ""
    tolerance: str | None = None

    @property
    def difference(self) -> Exact:
        """Ours less theirs, in money."""
        there = Exact(0) if self.theirs is None else self.theirs.amount
        here = Exact(0) if self.ours is None else self.ours.amount
        return here - there


@dataclass(frozen=True, slots=True)
class ComparedAccount:
    """`there` and `here` are the numbers of the papers."""

    account: Account
    there: tuple[str, ...]
    here: tuple[str, ...]
    lines: tuple[Compared, ...]


def compare_parallel(
    theirs: Sequence[tuple[Account, TheirRow]],
    ours: Sequence[OurLine],
    taxes: Mapping[Account, Exact],
    said: ParallelMap,
    *,
    numbers: Mapping[Account, Sequence[str]],
) -> list[ComparedAccount]:
    """By customer, period and currency. `taxes` and `numbers`: of our papers."""
    rows: dict[Account, list[TheirRow]] = defaultdict(list)
    lines: dict[Account, list[OurLine]] = defaultdict(list)
    for account, row in theirs:
        rows[account].append(row)
    for line in ours:
        lines[line.account].append(line)
    accounts = sorted({*rows, *lines, *numbers}, key=_order)
    found = []
    for account in accounts:
        compared = _account(account, rows[account], lines[account], said, accounts)
        compared += _taxes(rows[account], taxes.get(account, Exact(0)), said)
        there = tuple(sorted({row.invoice for row in rows[account] if row.invoice is not None}))
        found.append(ComparedAccount(account, there, tuple(numbers.get(account, ())), tuple(compared)))
    return found


def _account(
    account: Account,
    rows: Sequence[TheirRow],
    lines: Sequence[OurLine],
    said: ParallelMap,
    accounts: Iterable[Account],
) -> list[Compared]:
    found: list[Compared] = []
    joined: list[tuple[list[TheirRow], set[int]]] = []
    by_item: dict[str, list[TheirRow]] = defaultdict(list)
    for row in rows:
        by_item[row.item].append(row)
    for item, same in by_item.items():
        mapped = said.items.get(item)
        if mapped is not None and mapped.ignore is not None:
            rest = tuple(row.line for row in same)
            found.append(Compared(Status.IGNORED, rest, _their_side(same, said), None, mapped.ignore))
            continue
        _join(joined, same, _chosen(item, mapped, lines))
    for together, places in joined:
        found.append(
            _compared(account, together, [lines[place] for place in sorted(places)], lines, said, accounts)
        )
    taken = {place for _, places in joined for place in places}
    by_target: dict[str, list[OurLine]] = defaultdict(list)
    for place, line in enumerate(lines):
        if place not in taken:
            by_target[line.coupon or line.price].append(line)
    for rest_of_ours in by_target.values():
        found.append(_compared(account, [], rest_of_ours, lines, said, accounts))
    return found


def _join(joined: list[tuple[list[TheirRow], set[int]]], rows: list[TheirRow], places: set[int]) -> None:
    """Rows of one item, with all rows that are for some of the same lines."""
    rows, places = list(rows), set(places)
    for each in [each for each in joined if each[1] & places]:
        joined.remove(each)
        rows, places = each[0] + rows, each[1] | places
    joined.append((rows, places))


def _chosen(item: str, mapped: ItemMap | None, lines: Sequence[OurLine]) -> set[int]:
    """Places of the lines that an item is for."""
    if mapped is not None:
        return {
            place
            for place, line in enumerate(lines)
            if (line.price in mapped.prices and not line.coupon)
            or (line.meter and line.meter in mapped.meters)
            or (line.coupon and line.coupon == mapped.coupon)
        }
    for name in ("price", "meter", "coupon", "description"):
        found = {place for place, line in enumerate(lines) if getattr(line, name) == item}
        if found:
            return found
    return set()


def _compared(
    account: Account,
    rows: Sequence[TheirRow],
    lines: Sequence[OurLine],
    every: Sequence[OurLine],
    said: ParallelMap,
    accounts: Iterable[Account],
) -> Compared:
    theirs = _their_side(rows, said) if rows else None
    ours = _our_side(lines) if lines else None
    numbers = tuple(row.line for row in rows)
    if theirs is None or ours is None:
        amount = (theirs or ours or _NOTHING).amount
        if not amount:
            return Compared(Status.NOTHING_BILLED, numbers, theirs, ours)
        missing = Status.MISSING_HERE if ours is None else Status.MISSING_THERE
        why = _why_missing(account, accounts, is_billed_here=bool(every), is_row=bool(rows))
        return Compared(missing, numbers, theirs, ours, why)
    wrong = []
    if None not in (theirs.unit, ours.unit) and theirs.unit != ours.unit:
        wrong.append(f"the unit is {theirs.unit!r} there and {ours.unit!r} here")
    if theirs.quantity is not None and ours.quantity is not None and theirs.quantity != ours.quantity:
        wrong.append("the quantities differ")
    return _of_amounts(rows, Compared(Status.MATCHED, numbers, theirs, ours), wrong, said)


def _of_amounts(
    rows: Sequence[TheirRow], matched: Compared, wrong: Sequence[str], said: ParallelMap
) -> Compared:
    theirs, ours = matched.theirs, matched.ours
    if not wrong and not matched.difference:
        return matched
    tolerance = _tolerance(matched.difference, {row.item for row in rows}, said)
    if not wrong and tolerance is not None:
        return Compared(Status.TOLERATED, matched.rows, theirs, ours, "the amounts differ", tolerance.name)
    why = [*wrong, *(["the amounts differ"] if matched.difference else [])]
    return Compared(Status.DIFFERS, matched.rows, theirs, ours, "; ".join(why))


def _tolerance(difference: Exact, items: set[str], said: ParallelMap) -> Tolerance | None:
    """The first that covers the difference, for every item that is compared together."""
    for each in said.tolerances:
        if abs(difference) <= each.amount and (not each.items or items <= set(each.items)):
            return each
    return None


def _taxes(rows: Sequence[TheirRow], ours: Exact, said: ParallelMap) -> list[Compared]:
    """Compared where their file states any for the account."""
    stating = [row for row in rows if row.tax is not None]
    if not stating:
        return []
    there = sum((row.tax for row in stating if row.tax is not None), start=Exact(0))
    sides = (Side((TAX,), None, None, there), Side((TAX,), None, None, ours))
    matched = Compared(Status.MATCHED, tuple(row.line for row in stating), *sides)
    return [_of_amounts(stating, matched, (), said)]


def _why_missing(account: Account, accounts: Iterable[Account], *, is_billed_here: bool, is_row: bool) -> str:
    near = [
        each
        for each in accounts
        if each != account and each.customer == account.customer and each.period.overlaps(account.period)
    ]
    if near:
        other = near[0]
        span = f"{format_instant(other.period.start)} to {format_instant(other.period.end)}"
        return f"the other side has a bill from {span} in {other.currency}"
    if not is_row:
        return "no row there is for it"
    return "no line here has that name" if is_billed_here else "nothing is billed here for that period"


def _their_side(rows: Sequence[TheirRow], said: ParallelMap) -> Side:
    units = {said.units.get(row.unit, row.unit) for row in rows if row.unit is not None}
    quantities = [row.quantity for row in rows]
    return Side(
        tuple(dict.fromkeys(row.item for row in rows)),
        None if not units else " and ".join(sorted(units)),
        None
        if None in quantities
        else sum((each for each in quantities if each is not None), start=Exact(0)),
        sum((row.amount for row in rows), start=Exact(0)),
    )


def _our_side(lines: Sequence[OurLine]) -> Side:
    metered = [line for line in lines if line.quantity is not None]
    units = {line.unit for line in metered}
    whole = len(metered) == len(lines)
    return Side(
        tuple(dict.fromkeys(f"coupon {line.coupon}" if line.coupon else line.price for line in lines)),
        " and ".join(sorted(units)) if whole else None,
        sum((line.quantity for line in metered if line.quantity is not None), start=Exact(0))
        if whole
        else None,
        sum((line.amount for line in lines), start=Exact(0)),
    )


def _order(account: Account) -> tuple[str, Instant, Instant, str]:
    return account.customer, account.period.start, account.period.end, account.currency


_NOTHING: Final = Side((), None, None, Exact(0))
