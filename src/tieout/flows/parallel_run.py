"""A parallel run: what the system that Tieout replaces has billed, beside what this home has sealed.

Nothing is written. Papers that stand count, in the range that their file covers, of all customers or of those
chosen; a customer whom only this home bills there is a difference too, and so is one whom it does not know.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from tieout.close.period_zone import period_said, periods_around, zone_then
from tieout.contract.catalog import Catalog
from tieout.contract.problem import Problem, problem_count, problem_lines
from tieout.flows.apply_catalog import NoSuchCustomer, load_catalog
from tieout.flows.due_accounts import period_defaults
from tieout.flows.home import Home
from tieout.flows.policy import policies
from tieout.flows.replay_found import sealed_papers
from tieout.invoice.stored_document import StoredDocument, read_document
from tieout.kernel.calendar import local_midnight
from tieout.kernel.errors import NotFound, Refusal
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.kernel.rational import Exact, exact
from tieout.kernel.zone import zone
from tieout.replay.parallel_compare import Account, ComparedAccount, OurLine, Status, compare_parallel
from tieout.replay.parallel_map import Corrections, ParallelMap, PeriodEnd, line_in_map, parse_map
from tieout.replay.parallel_theirs import TheirRow, Theirs, When, parse_theirs

FILE_BYTES_MAX = 256 * 1024 * 1024
PROBLEMS_SHOWN_MAX = 50


class BadParallelFile(Refusal):
    """The export or the map cannot be read; `problems` lists all that is wrong."""

    code = "bad-parallel-file"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        listed = problem_lines(self.problems, shown_max=PROBLEMS_SHOWN_MAX)
        super().__init__(f"{problem_count(self.problems)}; nothing was compared.\n{listed}")


class NoParallelFile(NotFound):
    """There is no such file."""

    code = "no-parallel-file"

    def __init__(self, file: Path) -> None:
        super().__init__(f"There is no file {file}.")


@dataclass(frozen=True, slots=True)
class ParallelRun:
    """`unread`: columns of their file that mean nothing here; `unknown`: its customers that are none here,
    with how many rows each, which are compared whoever was chosen, who may be meant. `not_chosen`: rows of
    customers that are known and were not chosen; `taxes_stated`: whether it says anything of taxes."""

    said: ParallelMap
    unread: tuple[str, ...]
    unknown: Mapping[str, int]
    not_chosen: int
    taxes_stated: bool
    accounts: tuple[ComparedAccount, ...]

    @property
    def counts(self) -> dict[Status, int]:
        found = Counter(line.status for account in self.accounts for line in account.lines)
        return {status: found[status] for status in Status}

    def tolerated(self, name: str) -> tuple[int, Exact]:
        """How many lines a tolerance let pass, and what they come to, up or down."""
        lines = [line for account in self.accounts for line in account.lines if line.tolerance == name]
        return len(lines), sum((abs(line.difference) for line in lines), start=Exact(0))


def parallel_run(
    home: Home, export: Path, mapping: Path | None, *, customers: tuple[CustomerId, ...] = ()
) -> ParallelRun:
    """Raises `NoParallelFile` and `BadParallelFile`."""
    catalog = load_catalog(home)
    said = _map(mapping, catalog)
    theirs = _theirs(export, said)
    for key in customers:
        if key not in catalog.customers:
            raise NoSuchCustomer(key)
    read = _Read(home, catalog)
    rows = [(_account(read, said, row), row) for row in theirs.rows]
    wrong = [
        Problem(str(export), "", "period_end", "is not after period_start", row.line)
        for account, row in rows
        if account is None
    ]
    if wrong:
        raise BadParallelFile(wrong)
    known = [(account, row) for account, row in rows if account is not None]
    unknown = Counter(row.customer for account, row in known if account.customer not in catalog.customers)
    asked = [
        (account, row)
        for account, row in known
        if not customers or account.customer in customers or account.customer not in catalog.customers
    ]
    lines, taxes, numbers = _ours(home, said, [account for account, _ in known], customers)
    compared = compare_parallel(asked, lines, taxes, said, numbers=numbers)
    stated = any(row.tax is not None for _, row in asked)
    return ParallelRun(said, theirs.unread, dict(unknown), len(known) - len(asked), stated, tuple(compared))


def _map(file: Path | None, catalog: Catalog) -> ParallelMap:
    if file is None:
        return ParallelMap()
    text = _text(file)
    found, problems = parse_map(str(file), text)
    if found is None:
        raise BadParallelFile(problems)
    wrong = [
        Problem(str(file), "", name, message, line_in_map(text, name))
        for name, message in _nothing_here(found, catalog)
    ]
    if wrong:
        raise BadParallelFile(wrong)
    return found


def _nothing_here(said: ParallelMap, catalog: Catalog) -> list[tuple[str, str]]:
    """What the map names on our side and no document here has: a slip, which would join nothing."""
    found = [
        (f"customers.{name}", f"there is no customer {key!r} here")
        for name, key in said.customers.items()
        if key not in catalog.customers
    ]
    for place, item in enumerate(said.items.values()):
        named = [("prices", "price", key, key in catalog.prices) for key in item.prices]
        named += [("meters", "meter", key, key in catalog.meters) for key in item.meters]
        if item.coupon is not None:
            named.append(("coupon", "coupon", item.coupon, item.coupon in catalog.coupons))
        found += [
            (f"item[{place}].{member}", f"there is no {kind} {key!r} here")
            for member, kind, key, is_here in named
            if not is_here
        ]
    return found


def _theirs(file: Path, said: ParallelMap) -> Theirs:
    found, problems = parse_theirs(str(file), _text(file), said.columns)
    if found is None:
        raise BadParallelFile(problems)
    return found


def _text(file: Path) -> str:
    if not file.is_file():
        raise NoParallelFile(file)
    content = file.read_bytes()
    if len(content) > FILE_BYTES_MAX:
        raise BadParallelFile([Problem(str(file), "", "", f"is larger than {FILE_BYTES_MAX} bytes")])
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadParallelFile([Problem(str(file), "", "", f"is not UTF-8 at byte {error.start}")]) from error


def _account(read: _Read, said: ParallelMap, row: TheirRow) -> Account | None:
    """None where the period ends before it starts."""
    customer = said.customers.get(row.customer, row.customer)
    last = row.end
    if isinstance(last, date) and said.period_end is PeriodEnd.INCLUSIVE:
        last = last + timedelta(days=1)
    period = read.period(customer, row.start, last)
    return None if period is None else Account(customer, period, row.currency)


class _Read:
    """What their file says of periods, read: days name a period of the customer, of its papers or calendars,
    where one has them; else they are days in the zone that it has at their end."""

    def __init__(self, home: Home, catalog: Catalog) -> None:
        self._catalog = catalog
        self._defaults = period_defaults(policies(home))
        self._sealed: dict[str, list[Period]] = defaultdict(list)
        for each in home.books.invoices.sealed():
            self._sealed[each.customer].append(each.period)
        self._found: dict[tuple[str, When, When], Period | None] = {}

    def period(self, customer: str, start: When, end: When) -> Period | None:
        key = customer, start, end
        if key not in self._found:
            self._found[key] = self._period(customer, start, end)
        return self._found[key]

    def _period(self, customer: str, start: When, end: When) -> Period | None:
        if isinstance(start, date) and isinstance(end, date):
            if start >= end:
                return None
            said = start, end
            around = periods_around(self._catalog, customer, self._defaults, said)
            found = period_said(self._catalog, customer, (*self._sealed[customer], *around), said)
            if found is not None:
                return found
        utc = local_midnight(end, zone("UTC")) if isinstance(end, date) else end
        place = zone(zone_then(self._catalog, customer, Instant(utc - 1)))
        first = local_midnight(start, place) if isinstance(start, date) else start
        last = local_midnight(end, place) if isinstance(end, date) else end
        return Period(first, last) if first < last else None


def _ours(
    home: Home, said: ParallelMap, accounts: Sequence[Account], customers: tuple[CustomerId, ...]
) -> tuple[list[OurLine], dict[Account, Exact], dict[Account, list[str]]]:
    """Lines, taxes and numbers of the papers whose period has its middle in the range of `accounts`."""
    lines: list[OurLine] = []
    taxes: dict[Account, Exact] = defaultdict(Exact)
    numbers: dict[Account, list[str]] = defaultdict(list)
    if not accounts:
        return lines, taxes, numbers
    start, end = min(each.period.start for each in accounts), max(each.period.end for each in accounts)
    for stored in sealed_papers(home):
        if customers and stored.customer not in customers:
            continue
        paper = read_document(stored.number, stored.document)
        whole = Account(stored.customer, stored.period, stored.currency)
        for line in _lines(paper, whole, stored.number, said):
            if start <= _middle(line.account.period) < end:
                lines.append(line)
                if stored.number not in numbers[line.account]:
                    numbers[line.account].append(stored.number)
        if start <= _middle(stored.period) < end:
            rates = [each for each in paper.taxes if not each.inclusive]
            taxes[whole] += sum((exact(each.amount) for each in rates), start=Exact(0))
    return lines, taxes, numbers


def _lines(paper: StoredDocument, whole: Account, number: str, said: ParallelMap) -> list[OurLine]:
    found = []
    for line in paper.lines:
        corrected = line.correction
        account = whole
        if corrected is not None and said.corrections is Corrections.PERIOD:
            account = Account(whole.customer, corrected.period.period, whole.currency)
        found.append(
            OurLine(
                account=account,
                number=number,
                price=line.price,
                meter=line.meter or "",
                coupon="",
                description=line.description,
                unit=line.unit,
                quantity=None if line.meter is None else exact(line.quantity),
                amount=exact(line.amount),
            )
        )
    for each in paper.discounts:
        taken = -exact(each.amount)
        found.append(OurLine(whole, number, "", "", each.coupon, each.name, "", None, taken))
    return found


def _middle(period: Period) -> Instant:
    return Instant((period.start + period.end) // 2)
