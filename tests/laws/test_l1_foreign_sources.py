"""L1 with keys of limited scope: every item has one fate, and no key adds to a foreign source's numbers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.logs import BOOK, event, ndjson, open_log
from tieout.contract.api_key import SourceScope
from tieout.ingest.parcel import parcel_of_lines
from tieout.ingest.reason import Reason
from tieout.ingest.verdict import Verdict
from tieout.kernel.ids import KeyId
from tieout.ports import Receipt, ReceivedRequest

SOURCES = ("a", "b", "team-1", "team-2", "teams", "unknown")
PATTERNS = ("a", "b", "team-1", "team-*", "unknown", "*")
ITEMS = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from(SOURCES), st.sampled_from(["good", "broken", "no object"])),
    min_size=1,
    max_size=6,
)
REQUESTS = st.lists(
    st.tuples(st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=2), ITEMS), min_size=1, max_size=4
)


def scope(patterns: list[str]) -> SourceScope:
    return SourceScope(
        frozenset(name for name in patterns if not name.endswith("*")),
        tuple(name[:-1] for name in patterns if name.endswith("*")),
    )


def may(patterns: list[str], source: str) -> bool:
    """Said again, naively."""
    return any(source == one or (one[-1] == "*" and source[: len(one) - 1] == one[:-1]) for one in patterns)


def item(number: int, source: str, kind: str) -> object:
    if kind == "no object":
        return number
    return event(f"e{number}", 1 if kind == "good" else "many", source=source)


@given(REQUESTS)
@settings(max_examples=40)
def test_a_foreign_source_is_refused_item_by_item(requests: list[tuple[list[str], list[tuple]]]) -> None:  # type: ignore[type-arg]
    with TemporaryDirectory() as folder:
        log, engine = open_log(Path(folder))
        receiver = log.receiver()
        group = [
            ReceivedRequest(
                KeyId(f"key-{place}"),
                scope(patterns),
                parcel_of_lines(ndjson([item(*one) for one in items])),
                None,
            )
            for place, (patterns, items) in enumerate(requests)
        ]
        answers = receiver.commit(receiver.prepare(group, BOOK))
        tallies: Counter[tuple[str, Verdict]] = Counter()
        for tally in log.tallies():
            tallies[tally.source, tally.verdict] += tally.items
        kept = Counter(one.reason for one in log.quarantine(reason=None, limit=1_000))
        assert log.verify().findings == ()
        engine.dispose()
    expected, reasons, texts = model(requests)
    assert tallies == expected
    assert kept == reasons
    for answer, counts in zip(answers, texts, strict=True):
        assert isinstance(answer, Receipt)
        for name, count in counts.items():
            assert f'"{name}":{count},'.encode() in answer.text


def model(
    requests: list[tuple[list[str], list[tuple]]],  # type: ignore[type-arg]
) -> tuple[Counter[tuple[str, Verdict]], Counter[Reason], list[dict[str, int]]]:
    """What should become of the items, one by one."""
    seen: set[tuple[str, int]] = set()
    tallies: Counter[tuple[str, Verdict]] = Counter()
    reasons: Counter[Reason] = Counter()
    receipts = []
    for patterns, items in requests:
        counts = {"received": len(items), "accepted": 0, "duplicate": 0, "conflict": 0, "quarantined": 0}
        for number, source, kind in items:
            if kind == "no object":
                fate, under, reason = Verdict.QUARANTINED, "unknown", Reason.NOT_AN_OBJECT
            elif kind == "broken" and source == "unknown":
                fate, under, reason = Verdict.QUARANTINED, "unknown", Reason.NUMBER_MALFORMED
            elif not may(patterns, source):
                fate, under, reason = Verdict.QUARANTINED, "unknown", Reason.SOURCE_FORBIDDEN
            elif kind == "broken":
                fate, under, reason = Verdict.QUARANTINED, source, Reason.NUMBER_MALFORMED
            else:
                fate = Verdict.DUPLICATE if (source, number) in seen else Verdict.ACCEPTED
                under, reason = source, Reason.NONE
                seen.add((source, number))
            tallies[under, fate] += 1
            reasons[reason] += reason is not Reason.NONE
            counts[fate.name.lower()] += 1
        receipts.append(counts)
    return tallies, +reasons, receipts
