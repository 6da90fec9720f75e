"""Checks a home after closes, corrections and voids that were disturbed: L6 and L10 to L15, by what is
stored, read plainly.

It takes nothing from the product but the records: documents are JSON, and every sum is worked out here. What
is due is for the test to say (`Expected`), not for the close under test.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Any

from tieout.flows.home import Home
from tieout.flows.trace_line import trace
from tieout.flows.verify_books import verify_books
from tieout.kernel.ids import LineId


@dataclass(frozen=True, slots=True)
class Expected:
    """How many periods of each customer are due, how many accepted events lie in them for each of the meters
    (one without a snapshot has counted none), and who may be parked
    for which reason (a part of it). `known`: what a customer's period, by the date of its start in UTC, comes
    to before taxes, as it is known now where that was approved.
    """

    periods: Mapping[str, int]
    events: int | None = None
    parked: Mapping[str, str] | None = None
    known: Mapping[tuple[str, str], Decimal] | None = None
    meters: tuple[str, ...] = ("calls", "tokens", "stored")


def documents_of(home: Home) -> dict[str, bytes]:
    """The sealed bytes by invoice."""
    found = {}
    for stored in home.books.invoices.sealed():
        whole = home.books.invoices.find(stored.id)
        assert whole is not None
        found[str(stored.id)] = whole.document
    return found


def broken_laws(home: Home, expected: Expected, *, sealed_before: Mapping[str, bytes] = {}) -> list[str]:
    """Everything that is not as the laws say. `sealed_before`: bytes that must still be there, unchanged."""
    documents = documents_of(home)
    papers = {id: json.loads(document) for id, document in documents.items()}
    voided = {str(each.invoice.id) for each in home.books.corrections.voids()}
    standing = {id: paper for id, paper in papers.items() if id not in voided}
    return [
        *broken_papers(home, sealed_before=sealed_before),
        *_each_account_once(home, standing, expected),
        *_events(home, expected),
        *_corrected(standing, expected.known or {}),
    ]


def broken_papers(home: Home, *, sealed_before: Mapping[str, bytes] = {}) -> list[str]:
    """What is wrong with what was sealed and posted, whoever was due."""
    documents = documents_of(home)
    papers = {id: json.loads(document) for id, document in documents.items()}
    voided = {str(each.invoice.id) for each in home.books.corrections.voids()}
    return [
        *_each_key_once(papers),
        *_numbers(home, papers),
        *_amounts(papers),
        *_entries(home, papers, voided),
        *_credits(papers, voided),
        *_bytes(home, documents, sealed_before),
    ]


def _each_key_once(papers: Mapping[str, Any]) -> Iterator[str]:
    """L11: of papers that stand and of those that were voided."""
    names = ("series", "currency", "kind", "sequence")
    keys = Counter(
        (each["customer"]["id"], *each["period"].values(), *(each[name] for name in names))
        for each in papers.values()
    )
    yield from (f"L11: {key} is sealed {count} times" for key, count in keys.items() if count > 1)


def _each_account_once(home: Home, papers: Mapping[str, Any], expected: Expected) -> Iterator[str]:
    """L11 and L15: a due account has one sealed final invoice that stands, or is parked, and says why."""
    finals = Counter(
        (each["customer"]["id"], *each["period"].values())
        for each in papers.values()
        if each["kind"] == "final"
    )
    yield from (f"L11: {key} stands {count} times" for key, count in finals.items() if count > 1)
    sealed = Counter(each["customer"]["id"] for each in papers.values() if each["kind"] == "final")
    parked = expected.parked or {}
    told: dict[str, list[Any]] = defaultdict(list)
    for row in home.books.closes.latest():
        told[row.customer].append(row)
    for customer, due in expected.periods.items():
        if customer not in parked and sealed[customer] != due:
            yield f"L15: {customer} has {sealed[customer]} of {due} invoices"
        outcomes = Counter(str(row.outcome) for row in told[customer])
        if customer not in parked and outcomes != {"sealed": due}:
            yield f"L15: the outcomes of {customer} are {dict(outcomes)}"
    for customer, reason in parked.items():
        rows = [row for row in told[customer] if row.outcome == "parked"]
        if sealed[customer] or len(rows) != expected.periods[customer]:
            yield f"L15: {customer} should be parked, has {sealed[customer]} invoices, {len(rows)} outcomes"
        if not all(reason in row.reason and row.next_action for row in rows):
            yield f"L15: {customer} is parked for {[row.reason for row in rows]}"
    strangers = set(sealed) - set(expected.periods)
    yield from (f"L11: {customer} was not due" for customer in strangers)


def _numbers(home: Home, papers: Mapping[str, Any]) -> Iterator[str]:
    """Each series counts from 1 without a gap, and its counter stands at the last."""
    by_series: dict[str, list[int]] = defaultdict(list)
    for each in papers.values():
        series, ordinal = each["number"].rsplit("-", 1)
        by_series[series].append(int(ordinal))
    last = home.books.invoices.last_numbers()
    for series, ordinals in by_series.items():
        if sorted(ordinals) != list(range(1, len(ordinals) + 1)) or last[series] != len(ordinals):
            yield f"numbers of {series}: {sorted(ordinals)[-3:]} of {len(ordinals)}, counter {last[series]}"


def _amounts(papers: Mapping[str, Any]) -> Iterator[str]:
    """L10: lines to subtotal, subtotal - discounts + taxes to total, total - credits to due."""
    for id, each in papers.items():
        lines = sum(Decimal(line["amount"]) for line in each["lines"])
        taken = sum(Decimal(discount["amount"]) for discount in each["discounts"])
        taxes = sum(Decimal(tax["amount"]) for tax in each["taxes"] if not tax["inclusive"])
        credits = sum(Decimal(credit["amount"]) for credit in each["credits"])
        subtotal, total, due = (Decimal(each[name]) for name in ("subtotal", "total", "due"))
        if lines != subtotal or subtotal + taken + taxes != total or total - credits != due:
            yield f"L10: {id}: lines {lines}, subtotal {subtotal}, total {total}, due {due}"


def _entries(home: Home, papers: Mapping[str, Any], voided: Collection[str]) -> Iterator[str]:
    """L14: every entry balances per currency; what an invoice asks for stands in the receivable, once, until
    it is paid, credited or voided."""
    asked: dict[str, Decimal] = defaultdict(Decimal)
    unbilled: dict[str, list[Decimal]] = defaultdict(list)
    seen: set[str] = set()
    for entry in home.books.ledger.entries():
        if entry.id in seen:
            yield f"L14: entry {entry.id} is posted twice"
        seen.add(entry.id)
        sums: dict[str, int] = defaultdict(int)
        for posting in entry.postings:
            sums[posting.amount.currency.code] += posting.amount.minor
            settles = entry.kind.value == "payment" or entry.id.startswith("applied/")
            if posting.account.value == "receivable" and entry.invoice is not None and not settles:
                asked[str(entry.invoice)] += Decimal(posting.amount.decimal_text)
            if posting.account.value == "unbilled-receivable" and entry.invoice is not None:
                unbilled[str(entry.invoice)].append(Decimal(posting.amount.decimal_text))
        yield from (f"L14: {entry.id} is off by {minor} {code}" for code, minor in sums.items() if minor)
    for id, paper in papers.items():
        owed = Decimal(0) if id in voided else max(Decimal(paper["due"]), Decimal(0))
        if asked[id] != owed:
            yield f"L14: {id} asks for {owed}, the receivable has {asked[id]}"
        moved = unbilled[id]
        if sum(moved) or (Decimal(paper["total"]) and not any(moved)):
            yield f"L14: of {id} the unbilled receivable keeps {sum(moved)} of {len(moved)} postings"
    yield from (f"L14: entries of {id}, which is not sealed" for id in set(asked) - set(papers))


def _credits(papers: Mapping[str, Any], voided: Collection[str]) -> Iterator[str]:
    """L13: what stands of the credits that people agreed on is never more than their line."""
    amounts = {line["id"]: Decimal(line["amount"]) for each in papers.values() for line in each["lines"]}
    back: dict[str, Decimal] = defaultdict(Decimal)
    for id, each in papers.items():
        for line in each["lines"] if id not in voided else ():
            if line["price"].startswith("credit/"):
                back[line["price"].removeprefix("credit/")] -= Decimal(line["amount"])
    for line, credited in back.items():
        if line not in amounts or credited > amounts[line]:
            yield f"L13: of line {line} over {amounts.get(line)} are {credited} given back"


def _bytes(home: Home, documents: Mapping[str, bytes], before: Mapping[str, bytes]) -> Iterator[str]:
    """L12: what was sealed is there, byte for byte, and is what its digest says."""
    yield from (f"L12: {id} changed" for id, document in before.items() if documents.get(id) != document)
    for stored in home.books.invoices.sealed():
        if sha256(documents[str(stored.id)]).hexdigest() != stored.sha256:
            yield f"L12: {stored.id} is not what its digest says"
    yield from (f"verify: {finding}" for finding in verify_books(home).findings)


def _events(home: Home, expected: Expected) -> Iterator[str]:
    """L6: of each meter, every accepted event is in one paper that stands; snapshots of one window stand
    once. A correction measures its window again, also where no line of it says so."""
    windows = Counter(
        (each.subscription, each.meter, each.period.start, each.period.end)
        for each in home.books.invoices.snapshots()
    )
    yield from (f"L6: {window} is measured {count} times" for window, count in windows.items() if count > 1)
    counted: dict[str, int] = dict.fromkeys(expected.meters, 0)
    for each in home.books.invoices.snapshots():
        counted[each.meter] = counted.get(each.meter, 0) + each.event_count
    if expected.events is not None:
        yield from (
            f"L6: {meter}: {count} of {expected.events}"
            for meter, count in counted.items()
            if count != expected.events
        )


def _corrected(papers: Mapping[str, Any], known: Mapping[tuple[str, str], Decimal]) -> Iterator[str]:
    """L13: all lines of a period that stand, credits that people agreed on apart, are what it comes to."""
    found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for paper in papers.values():
        for line in paper["lines"]:
            if not line["price"].startswith("credit/"):
                period = line.get("correction", paper).get("period", paper["period"])
                found[paper["customer"]["id"], period["start"][:10]] += Decimal(line["amount"])
    for key, amount in known.items():
        if found[key] != amount:
            yield f"L13: {key} is known to come to {amount}, its lines to {found[key]}"


def traced(home: Home, ids: Collection[str]) -> bool:
    """L20: the first and the last line of each of these gives the same amount when it is worked out again."""
    documents = documents_of(home)
    lines = [json.loads(documents[id])["lines"] for id in ids]
    ends = {line[place]["id"] for line in lines for place in (0, -1)}
    return all(trace(home, LineId(line)).reproduced.matches for line in ends)
