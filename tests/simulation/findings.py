"""What the home says, held against the second computation: every difference is a line."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from tests.simulation.naive import MONEY_RULES, Crossed, Logged, Naive
from tests.simulation.traffic import Said, Traffic
from tieout.flows.invoices import list_invoices
from tieout.kernel.ids import Watermark
from tieout.kernel.rational import exact_text
from tieout.trigger.crossing import Change, ChangeKind
from tieout.wiring import Home

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ALL = 10_000_000
ROWS_AT_ONCE = 65_536
EFFECTS = {
    "stop-tokens": "charge.hold.placed",
    "stop-calls": "charge.hold.placed",
    "look-at": "charge.review.asked",
    "bill-now": "charge.interim.asked",
}
HOLDS_BELOW, HOLDS_PERIOD = "stop-tokens", "stop-calls"


def batches_of(home: Home, sent: Traffic) -> list[Logged]:
    """The log, each event as the content that was sent under its id."""
    found: list[Logged] = []
    after = Watermark(0)
    while after < home.log.head():
        for batch in home.log.committed(after, rows_max=ROWS_AT_ONCE):
            said = [
                _said(sent, each.event.id, str(each.event.fields.get("tokens", 0)))
                for each in sorted(batch.events(), key=lambda stored: stored.position)
            ]
            found.append(Logged(int(batch.number), tuple(said)))
            after = batch.number
    return found


def _said(sent: Traffic, id: str, tokens: str) -> Said:
    return next(each for each in sent.by_id[id] if each.takes_back is not None or str(each.tokens) == tokens)


def of_the_log(batches: list[Logged], sent: Traffic, acknowledged: set[str]) -> Iterator[str]:
    """Everything once (L3), everything acknowledged (L2), and everything sent, since all was answered."""
    counted = Counter(said.id for batch in batches for said in batch.said)
    yield from (f"{id} was accepted {count} times" for id, count in counted.items() if count > 1)
    yield from (f"{id} was acknowledged and is not there" for id in sorted(acknowledged - set(counted)))
    yield from (f"{id} was sent and is not there" for id in sorted(set(sent.by_id) - set(counted)))


def recorded(home: Home) -> list[Change]:
    return [each.change for each in home.books.triggers.changes_of(None, limit=ALL)]


def crossed_of(change: Change) -> Crossed:
    return Crossed(
        change.rule.key,
        change.scope.customer,
        exact_text(change.threshold),
        change.ordinal,
        change.kind is ChangeKind.REARMED,
        Fraction(change.reading.value),
        int(change.reading.watermark),
    )


def of_crossings(naive: Naive, changes: list[Change], interims: dict[str, list[Fraction]]) -> Iterator[str]:
    """Each that there must be, once, with its figure as of its batch; and none other."""
    counted = Counter(each.id for each in changes)
    yield from (f"change {id} is recorded {count} times" for id, count in counted.items() if count > 1)
    usage, money = [], []
    for each in map(crossed_of, changes):
        (money if each.rule in MONEY_RULES else usage).append(each)
    wanted, found = Counter(naive.crossings), Counter(usage)
    yield from (f"missing: {each}" for each in (wanted - found).elements())
    yield from (f"not expected: {each}" for each in (found - wanted).elements())
    yield from _of_money(naive, money, interims)


def _of_money(naive: Naive, found: list[Crossed], interims: dict[str, list[Fraction]]) -> Iterator[str]:
    """Money is read when somebody looks: what is recorded must be true of its batch, and what holds at last
    must be recorded. Interim invoices take off what is left to pay."""
    by_name = {(each.rule, each.customer, each.threshold): each for each in found}
    if len(by_name) < len(found):
        yield "a rule of money is crossed twice in one month"
    for each in found:
        gross = naive.cost_at(each.customer, each.batch)
        plan, _, whole = MONEY_RULES[each.rule]
        taken = [Fraction(0)] if whole is not None else _sums(interims.get(each.customer, []))
        if naive.customers[each.customer].plan != plan or each.is_back or each.ordinal != 1:
            yield f"not expected: {each}"
        elif each.value not in {gross - sum_ for sum_ in taken}:
            yield f"{each}: it costs {gross} then"
        elif each.value * (1 if whole is None else 100 / whole) < Fraction(each.threshold):
            yield f"{each}: below its threshold"
    for rule, (plan, at, whole) in MONEY_RULES.items():
        for key, customer in naive.customers.items():
            if customer.plan != plan or (whole is not None and not customer.budget):
                continue
            left = naive.cost(key) - (0 if whole is not None else sum(interims.get(key, []), Fraction(0)))
            for threshold in at:
                measured = left if whole is None else left * 100 / whole
                if measured >= threshold and (rule, key, str(threshold)) not in by_name:
                    yield f"missing: {rule} at {threshold} for {key}, whose month costs {naive.cost(key)}"


def _sums(amounts: list[Fraction]) -> set[Fraction]:
    return {sum(amounts[:count], Fraction(0)) for count in range(len(amounts) + 1)}


def of_effects(home: Home, naive: Naive, changes: list[Change]) -> Iterator[str]:
    """A hold for each crossing of a control that holds, lifted where the figure was below again; a question
    for each that asks; an answer to each request."""
    store, now = home.books.triggers, home.clock.now()
    crossings = {each.id: each for each in changes if each.kind is ChangeKind.CROSSED}
    by_rule: dict[str, set[str]] = defaultdict(set)
    for id, each in crossings.items():
        by_rule[each.rule.key].add(id)
    holds = store.holds()
    placed = Counter(each.change for each in holds)
    yield from _same("holds", by_rule[HOLDS_BELOW] | by_rule[HOLDS_PERIOD], placed)
    yield from _same("reviews", by_rule["look-at"], Counter(each.change for each in store.reviews()))
    requests = store.interim_requests(open_only=False)
    yield from _same("requests", by_rule["bill-now"], Counter(each.asked.request for each in requests))
    yield from (f"a request of {each.asked.customer} is open" for each in requests if each.answer is None)
    standing = {each.customer for each in holds if each.stands_at(now) and each.features == ("chat",)}
    wanted = naive.standing(HOLDS_BELOW)
    yield from (f"{key} is held, and is below" for key in sorted(standing - wanted))
    yield from (f"{key} is not held, and is above" for key in sorted(wanted - standing))
    for each in holds:
        if each.change in by_rule[HOLDS_PERIOD]:
            end = datetime(2026, 2, 1, tzinfo=UTC) - timedelta(hours=naive.customers[each.customer].hours)
            if each.until != (end - EPOCH) // timedelta(microseconds=1) or each.released is not None:
                yield f"{each.customer} is not held to the end of its month: {each}"


def _same(what: str, wanted: set[str], found: Counter[str | None] | Counter[str]) -> Iterator[str]:
    yield from (f"{what}: {id} is there {count} times" for id, count in found.items() if count != 1)
    if set(found) != wanted:
        yield f"{what}: {len(wanted - set(found))} are missing, {len(set(found) - wanted)} are too many"


def notices_wanted(changes: list[Change]) -> dict[tuple[str, str], Change]:
    """What must have been told, by kind and change."""
    found = {}
    for each in changes:
        kind = EFFECTS.get(each.rule.key, "alert.crossed")
        if each.kind is ChangeKind.CROSSED:
            found[kind, each.id] = each
        elif each.rule.key == HOLDS_BELOW:
            found["charge.hold.lifted", each.id] = each
    return found


def interims_of(home: Home) -> dict[str, list[Fraction]]:
    """What interim invoices asked of each customer, in their order."""
    found: dict[str, list[Fraction]] = defaultdict(list)
    for row in sorted(list_invoices(home), key=lambda each: each.number or ""):
        if row.kind == "interim":
            found[row.customer].append(Fraction(row.total.decimal_text))
    return found


def of_invoices(home: Home, naive: Naive) -> Iterator[str]:
    """What January asks of everybody, in all: held or not."""
    asked: dict[str, Fraction] = defaultdict(Fraction)
    finals: Counter[str] = Counter()
    for row in list_invoices(home):
        asked[row.customer] += Fraction(row.total.decimal_text)
        finals[row.customer] += row.kind != "interim"
        if row.number is None:
            yield f"{row.customer} has a draft"
    for key in naive.customers:
        if finals[key] != 1:
            yield f"{key} has {finals[key]} final invoices"
        if asked[key] != naive.cost(key):
            yield f"{key} is asked for {asked[key]}; its month costs {naive.cost(key)}"
