"""Expected beside found: exact, added up over the columns that are stated, and each difference with its
cause."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from tieout.kernel.rational import exact_text
from tieout.replay.cause import CauseKind, Known
from tieout.replay.compare import Difference, Outcome, compare, is_copy, without_amount
from tieout.replay.face import What
from tieout.replay.found import FoundLine, FoundTotal, lines_text, parse_lines
from tieout.replay.stated import KEYS, Stated, parse_stated
from tieout.replay.written import lines_csv

NO_KEYS = dict.fromkeys(KEYS[What.LINES], "")
PAPER = {
    "customer": "acme",
    "period_start": "2026-01-01T00:00:00Z",
    "currency": "USD",
    "kind": "final",
    "sequence": "1",
}
DOCUMENTS = {
    "meter": "meter calls v1 m1",
    "subscription": "subscription acme-main s1",
    "plan": "plan basic v1 p1",
    "price": "price calls v1 r1",
}
LINE = FoundLine(
    keys={**NO_KEYS, **PAPER, "price": "calls", "meter": "calls"},
    quantity=Fraction(10),
    amount=Fraction(5),
    snapshot="calls of January",
    events=10,
    rests_on=DOCUMENTS,
)
HEADER = "customer,period_start,currency,price,events,quantity,amount\n"
ROW = "acme,2026-01-01T00:00:00Z,USD,calls,{events},{quantity},{amount}\n"


def stated(text: str, what: What = What.LINES) -> list[tuple[str, Stated]]:
    read, problems = parse_stated("f.csv", text, what)
    assert read is not None, problems
    return [("f.csv", read)]


def row(events: str = "10", quantity: str = "10", amount: str = "5") -> list[tuple[str, Stated]]:
    return stated(HEADER + ROW.format(events=events, quantity=quantity, amount=amount))


def differences(
    expected: list[tuple[str, Stated]], *lines: FoundLine, known: Known | None = None
) -> list[Difference]:
    return compare(expected, Outcome(lines, (), {}), known or Known())


def causes(found: list[Difference]) -> list[tuple[str, CauseKind]]:
    return [(each.value, each.cause.kind) for each in found]


def test_what_ties_is_no_difference_and_a_blank_is_not_stated() -> None:
    assert differences(row(), LINE) == []
    assert differences(row(events="", quantity=""), LINE) == []


def test_lines_are_added_up_over_the_columns_and_events_of_one_snapshot_count_once() -> None:
    other = replace(LINE, keys={**LINE.keys, "price": "calls-2"}, amount=Fraction(1, 3))
    text = "customer,period_start,currency,meter,events,quantity\nacme,2026-01-01T00:00:00Z,USD,calls,10,20\n"
    assert differences(stated(text), LINE, other) == []


def test_what_nobody_expects_and_what_is_not_there_are_differences() -> None:
    other = replace(LINE, keys={**LINE.keys, "price": "fee"}, snapshot=None, events=0)
    assert causes(differences(row(), LINE, other)) == [("line", CauseKind.EXPECTATION)]
    assert causes(differences(row())) == [("line", CauseKind.ACCOUNT)]
    waiting = Known(waiting={("acme", "2026-01-01T00:00:00Z"): "parked: no price"})
    (found,) = differences(row(), known=waiting)
    assert (found.cause.kind, found.cause.text) == (CauseKind.ACCOUNT, "parked: no price")


def test_two_files_of_one_kind_cover_together() -> None:
    other = replace(LINE, keys={**LINE.keys, "customer": "birch"})
    more = HEADER + ROW.replace("acme", "birch").format(events="", quantity="", amount="5")
    assert differences([*row(), *stated(more)], LINE, other) == []


def test_lines_of_which_nobody_states_an_amount_are_counted() -> None:
    other = replace(LINE, keys={**LINE.keys, "price": "fee"})
    blank = [each for _, each in row(amount="")]
    total = [
        each
        for _, each in stated(
            "customer,period_start,currency,total\nacme,2026-01-01T00:00:00Z,USD,5\n", What.TOTALS
        )
    ]
    assert without_amount([each for _, each in row()], [LINE]) == 0
    assert without_amount([each for _, each in row()], [LINE, other]) == 1
    assert without_amount([*blank, *total], [LINE, other]) == 2
    coarse = stated("customer,period_start,currency,amount\nacme,2026-01-01T00:00:00Z,USD,10\n")
    assert without_amount([*blank, coarse[0][1]], [LINE, other]) == 0


def test_the_products_own_words_are_known_in_any_order() -> None:
    ends = dict.fromkeys(("period_end", "segment_start", "segment_end"), "2026-02-01T00:00:00Z")
    line = replace(LINE, keys={**LINE.keys, **ends})
    lines = [line, replace(line, keys={**line.keys, "price": "fee"}, amount=Fraction(7))]
    ((_, written),) = stated(lines_csv(lines))
    header, *rows = lines_csv(lines).splitlines(keepends=True)
    ((_, turned),) = stated("".join([header, *reversed(rows)]))
    assert is_copy(turned, written)
    for text in (
        "".join([header, *rows[:1]]),
        lines_csv([replace(lines[0], amount=Fraction(6)), lines[1]]),
        HEADER + ROW.format(events="10", quantity="10", amount="5"),
    ):
        assert not is_copy(stated(text)[0][1], written)


def test_without_a_recording_the_first_layer_that_is_stated_otherwise_is_named() -> None:
    assert causes(differences(row(events="9", quantity="9", amount="4"), LINE)) == [
        ("events", CauseKind.EVENTS),
        ("quantity", CauseKind.EVENTS),
        ("amount", CauseKind.EVENTS),
    ]
    assert causes(differences(row(quantity="9"), LINE)) == [("quantity", CauseKind.USAGE)]
    assert causes(differences(row(amount="4"), LINE)) == [("amount", CauseKind.PRICE)]
    assert causes(differences(row(quantity="", amount="4"), LINE)) == [("amount", CauseKind.UNKNOWN)]
    by_candidate = Known(changed=frozenset({"meter calls v1", "price calls v1"}))
    assert causes(differences(row(quantity="9"), LINE, known=by_candidate)) == [("quantity", CauseKind.METER)]
    by_price = Known(changed=frozenset({"price calls v1", "price other v1"}))
    assert causes(differences(row(amount="4"), LINE, known=by_price)) == [("amount", CauseKind.PRICE)]


def test_with_a_recording_the_first_layer_that_is_not_as_it_was_is_named() -> None:
    def against(recorded: FoundLine, *misjudged: str) -> CauseKind:
        (found,) = differences(
            row(events="", quantity="", amount="4"), LINE, known=Known((recorded,), misjudged=misjudged)
        )
        return found.cause.kind

    assert against(LINE) is CauseKind.EXPECTATION
    assert against(replace(LINE, events=9)) is CauseKind.USAGE
    assert against(replace(LINE, events=9), "calls.jsonl:1: 9 accepted (10 recorded)") is CauseKind.EVENTS
    assert against(replace(LINE, quantity=Fraction(9))) is CauseKind.USAGE
    assert against(replace(LINE, amount=Fraction(4))) is CauseKind.RATING
    for layer, kind in (
        ("meter", CauseKind.METER),
        ("subscription", CauseKind.SUBSCRIPTION),
        ("plan", CauseKind.PLAN),
        ("price", CauseKind.PRICE),
    ):
        other = {**DOCUMENTS, layer: f"{layer} x v9 zz"}
        assert against(replace(LINE, rests_on=other, amount=Fraction(4))) is kind
    everything = {name: f"{name} x v9 zz" for name in DOCUMENTS}
    assert against(replace(LINE, rests_on=everything)) is CauseKind.METER


def test_totals_say_whether_lines_discounts_taxes_or_credits_differ() -> None:
    values = {"subtotal": 5, "discounts": 1, "taxes": 2, "total": 6, "due": 6}
    paper = FoundTotal(
        {name: PAPER.get(name, "") for name in KEYS[What.TOTALS]},
        {name: Fraction(value) for name, value in values.items()},
    )
    header = "customer,period_start,currency,subtotal,discounts,taxes,total,due\n"
    header += "acme,2026-01-01T00:00:00Z,USD,"
    for told, expected in (
        ("5,1,2,6,6", []),
        ("4,1,2,5,5", ["subtotal", "total", "due"]),
        ("5,2,2,5,5", ["discounts", "total", "due"]),
        ("5,1,1,5,5", ["taxes", "total", "due"]),
        ("5,1,2,6,5", ["due"]),
        (",,,5,5", ["total", "due"]),
    ):
        found = compare(stated(header + told + "\n", What.TOTALS), Outcome((), (paper,), {}), Known())
        assert [each.value for each in found] == expected
        kinds = {"subtotal": "lines", "discounts": "discount", "taxes": "tax", "due": "credit"}
        assert {each.cause.kind.value for each in found} == {
            kinds.get(name, "unknown") for name in expected[:1]
        }


def test_counts_are_compared_for_the_whole_set() -> None:
    counts = {"received": 3, "accepted": 2, "duplicate": 1, "conflict": 0, "quarantined": 0}
    found = compare(
        stated("received,accepted\n3,3\n", What.COUNTS), Outcome((), (), counts), Known(misjudged=("line 1",))
    )
    assert [(each.value, each.found, each.cause.text) for each in found] == [("accepted", 2, "line 1")]


numbers = st.integers(min_value=-40, max_value=40).map(lambda eighths: Fraction(eighths, 8))


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), numbers), max_size=8), st.data())
def test_lines_tie_whatever_they_are_split_into_and_one_changed_amount_is_found(
    lines: list[tuple[str, str, Fraction]], data: st.DataObject
) -> None:
    """Against plain sums: a file at any granularity ties, and is off by exactly what one line is off by."""
    found = [
        replace(LINE, keys={**LINE.keys, "customer": who, "price": what}, amount=amount)
        for who, what, amount in lines
    ]
    columns = data.draw(st.sampled_from([("customer",), ("customer", "price")]))
    sums: dict[tuple[str, ...], Fraction] = {}
    for who, what, amount in lines:
        key = (who, what)[: len(columns)]
        sums[key] = sums.get(key, Fraction(0)) + amount
    rows = [f"{','.join(key)},2026-01-01T00:00:00Z,USD,{exact_text(total)}" for key, total in sums.items()]
    if not rows:
        return
    expected = stated("\n".join([f"{','.join(columns)},period_start,currency,amount", *rows]) + "\n")
    assert compare(expected, Outcome(tuple(found), (), {}), Known()) == []
    changed = data.draw(st.integers(min_value=0, max_value=len(found) - 1))
    found[changed] = replace(found[changed], amount=found[changed].amount + Fraction(1, 8))
    (difference,) = compare(expected, Outcome(tuple(found), (), {}), Known())
    assert difference.found is not None and difference.expected is not None
    assert difference.found - difference.expected == Fraction(1, 8)


def test_recorded_lines_are_read_back_as_they_are_written() -> None:
    third = replace(LINE, amount=Fraction(1, 3), snapshot=None)
    assert parse_lines(lines_text([LINE, third])) == ((LINE, third), [])
    _, problems = parse_lines(lines_text([LINE]).replace('"10"', "10"))
    assert [(each.path, each.line) for each in problems] == [("recorded/lines.jsonl", 1)]
