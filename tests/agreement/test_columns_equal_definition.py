"""The column-wise path accepts what the definition accepts, with the same bytes, and refuses the rest
alike.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.logs import BOOK, NOW, contract, event
from tieout.contract.event_contract import ContractBook, Field, FieldType, Use
from tieout.ingest import block
from tieout.ingest.block import Block, decode_items, decode_lines, lines_of
from tieout.ingest.decode_json import decode_item
from tieout.ingest.event import Event, canonical_of
from tieout.ingest.layout import event_of_row
from tieout.kernel.digest import content_digest, identity_key
from tieout.kernel.ids import EventType
from tieout.table.canonical import ROWS_HASHED, canonical_column, content_digests, identity_keys
from tieout.table.layout import event_type_of, layout_of

SECRET = b"k" * 32
NUMBERS = st.one_of(
    st.sampled_from(
        [
            "0",
            "-0",
            "1",
            "1.0",
            "1.50",
            "007",
            "-3",
            "1e3",
            "1E0",
            "NaN",
            "Infinity",
            "1_000",
            " 1",
            "1 ",
            "+1",
            ".5",
            "5.",
            "999999999999999999",
            "1000000000000000000",
            "0.000000000001",
            "0.0000000000001",
            "-0.000001",
            "٣",
            "0.00000012",
            "-5",
            "-5.000000000001",
            "12345.678900",
            "1\n",
            "true",
            "null",
            "[]",
            "{}",
            '"x"',
        ]
    ),
    st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=-10, max_value=10**6).map(
        lambda d: format(d, "f")
    ),
    st.integers(-10, 10**10).map(str),
)
TIMES = st.sampled_from(
    [
        "2026-02-14T12:00:00Z",
        "2026-02-14T12:00:00.123456Z",
        "2026-02-14T12:00:00.1234567Z",
        "2026-02-14t12:00:00z",
        "2026-02-14T12:00:00+05:30",
        "2026-02-14T23:59:60Z",
        "2026-02-29T00:00:00Z",
        "2026-02-28T24:00:00Z",
        "2024-02-29T00:00:00Z",
        "2026-02-14 12:00:00Z",
        "2026-02-14T12:00:00",
        "2026-02-14",
        "",
        "2026-03-01T00:05:00Z",
        "2026-03-01T00:05:01Z",
        "2019-12-31T23:59:59Z",
        "2025-01-25T00:00:00Z",
        "2025-01-24T23:59:59Z",
        "0001-01-01T00:00:00Z",
        "2026-02-14T12:00Z",
        "2026-02-14T12:00:00-00:00",
        "2026-13-01T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-02-14T12:00:00+24:00",
        "1770000000",
        "2026-02-14T12:00:00.Z",
        "2026-02-14T12:00:00Z\n",
    ]
)
TEXTS = st.one_of(
    st.sampled_from(
        [
            "",
            "a",
            "-",
            "team-1",
            "x" * 128,
            "x" * 129,
            "x" * 257,
            "a b",
            "é",
            "a\u202eb",
            "a\x7f",
            "a\x00",
            "\ud800",
            "a\tb",
            "0123456789ab",
            "0123456789abc",
            "small",
            "large",
            "SMALL",
            'q"uote',
            "back\\slash",
        ]
    ),
    st.text(max_size=6),
)


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """A line near a valid event: some member changed, doubled, dropped, or spelled otherwise."""
    members: list[tuple[str, str]] = []
    for name, value in event(draw(TEXTS) if draw(st.booleans()) else "e-1").items():
        text = json.dumps(value)
        if name in ("source", "subject", "type", "specversion") and draw(st.integers(0, 7)) == 0:
            text = json.dumps(draw(TEXTS))
        if name == "time" and draw(st.booleans()):
            text = json.dumps(draw(TIMES))
        if name == "data":
            text = draw(data_texts())
        members.append((name, text))
    extra = draw(st.integers(0, 11))
    if extra == 0:
        members.append(draw(st.sampled_from(members)))
    if extra == 1:
        members.pop(draw(st.integers(0, len(members) - 1)))
    if extra == 2:
        members.append(("traceparent", '"00-1"'))
    if extra == 3:
        members.append(
            ("datacontenttype", json.dumps(draw(st.sampled_from(["application/json", "text/xml"]))))
        )
    return _written(draw, members)


@st.composite
def data_texts(draw: st.DrawFn) -> str:
    members: list[tuple[str, str]] = []
    for name in ("tokens", "cost"):
        if draw(st.integers(0, 9)):
            number = draw(NUMBERS)
            members.append((name, json.dumps(number) if draw(st.booleans()) else number))
    members.append(("model", json.dumps(draw(st.sampled_from(["small", "large", "medium", "small"])))))
    if draw(st.booleans()):
        members.append(("cached", draw(st.sampled_from(["true", "false", '"true"', "null", "1"]))))
    if draw(st.booleans()):
        members.append(("started", json.dumps(draw(TIMES))))
    if draw(st.booleans()):
        members.append(("class", json.dumps(draw(TEXTS))))
    extra = draw(st.integers(0, 9))
    if extra == 0 and members:
        members.append(draw(st.sampled_from(members)))
    if extra == 1:
        members.append(("undeclared", draw(st.sampled_from(["1.50", '"x"', "[1,2]", '{"b":1,"a":2}']))))
    return _written(draw, members).decode()


def _written(draw: st.DrawFn, members: list[tuple[str, str]]) -> bytes:
    colon = draw(st.sampled_from([":", ": ", " : "]))
    comma = draw(st.sampled_from([",", ", "]))
    return ("{" + comma.join(f"{json.dumps(name)}{colon}{text}" for name, text in members) + "}").encode()


def by_row(block: Block) -> dict[int, tuple[object, ...]]:
    """For each row what was decided: its contract version and digest, or its reason, field and identity."""
    found: dict[int, tuple[object, ...]] = {}
    for table in block.tables:
        keys = identity_keys(table, SECRET)
        digests = content_digests(table, keys)
        for index, row in enumerate(table.to_pylist()):
            found[row["row"]] = (
                row["source"],
                row["id"],
                row["attributes"],
                digests[32 * index : 32 * index + 32],
            )
    for refused in block.refused:
        rejected = refused.rejected
        found[refused.row] = (rejected.reason, rejected.field, rejected.source, rejected.id, refused.raw)
    return found


def compare(raw_lines: list[bytes], book: ContractBook = BOOK) -> int:
    """How many lines became events; raises where the two paths disagree."""
    buffer = b"\n".join(raw_lines) + b"\n"
    framed = lines_of(buffer)
    kept = [framed[index] for index in range(len(framed))]
    fast = decode_lines(framed, book, received_at=NOW, default_source=None)
    slow = decode_items(list(enumerate(kept)), book, received_at=NOW, default_source=None)
    assert by_row(fast) == by_row(slow)
    for table in fast.tables:
        event_type, version = event_type_of(table.schema)
        for row in table.to_pylist():
            read_back = event_of_row(row, version, event_type, layout_of(table.schema))
            assert read_back == decode_item(kept[row["row"]], book, received_at=NOW, default_source=None)
    assert fast.received == len(kept)
    return len(kept) - len(fast.refused)


@settings(max_examples=150)
@given(st.lists(lines(), min_size=1, max_size=12))
@example([b'{"specversion":"1.0"}'])
def test_both_paths_decide_every_line_alike(raw_lines: list[bytes]) -> None:
    compare([line.replace(b"\n", b" ") for line in raw_lines])


@settings(max_examples=100)
@given(st.lists(st.one_of(st.binary(max_size=40), lines()), max_size=8))
def test_both_paths_agree_on_lines_of_any_bytes(raw_lines: list[bytes]) -> None:
    compare([line.replace(b"\n", b"") for line in raw_lines])


def test_a_line_without_a_type_never_passes_for_the_only_type() -> None:
    line = json.dumps(event("e-1"), separators=(",", ":")).encode()
    untyped = line.replace(b'"type":"llm.request",', b"")
    doubled = untyped.replace(b'"source":"gateway"', b'"source":"gateway","source":"gateway"')
    assert compare([untyped, doubled, b'{"type":"","nothing":1}', b'{"type":"llm.request"}']) == 0


def test_a_field_named_type_is_not_the_type() -> None:
    """Wherever it stands: here `data` comes first, and its `type` names another contract."""
    fields = (Field("tokens", FieldType.INTEGER, Use.BILLING), Field("type", FieldType.STRING, Use.CONTEXT))
    other = replace(contract(fields=fields), type=EventType("b.event"))
    own = contract(fields=fields)
    item = {"data": {"type": "b.event", "tokens": 1}, **event("e-1")}
    item["data"] = {"type": "b.event", "tokens": 1}
    compare([json.dumps(item).encode(), json.dumps(event("e-2")).encode()], ContractBook([other, own]))
    compare([json.dumps({**item, "type": "b.event"}).encode()], ContractBook([other, own]))


def test_doubled_keys_are_refused_wherever_they_hide() -> None:
    line = json.dumps(event("e-1"), separators=(",", ":")).encode()
    hidden = [
        line.replace(b'"id":"e-1"', b'"id":"e-0","id":"e-1"'),
        line.replace(b'"tokens":1', b'"tokens":2,"tokens":1'),
        line.replace(b'"tokens":1', b'"tokens" :2 ,"tokens":"1"'),
        line.replace(b'"source":"gateway"', b'"source":"gateway","data":{"tokens":9,"model":"small"}'),
        line.replace(b'"tokens":1', b'"\\u0074okens":2,"tokens":1'),
        line.replace(b'"subject":"team-1"', b'"subject":"team-1","subject":"team-1"'),
    ]
    assert compare(hidden) == 0


@pytest.mark.parametrize(
    "text", ["a\u202eb", "e\u0301", "a\x7fb", "a\x85b", "\x00", "a\tb", "\u00e9", 'q"q', "a\\b"]
)
@pytest.mark.parametrize("escaped", [True, False])
def test_texts_that_need_the_definition_get_it(text: str, *, escaped: bool) -> None:
    item = event("e", data={"tokens": 1, "model": "small", "class": text})
    compare([json.dumps(item, ensure_ascii=escaped).encode()])


@pytest.mark.parametrize("member", ["id", "source", "subject"])
@pytest.mark.parametrize("odd", ["a b", " ", "a\x1fb", "", "!", "~", "a\x7f"])
def test_an_odd_identifier_among_good_ones_is_found(member: str, odd: str) -> None:
    """The bytes of a whole column are looked at together first."""
    raw_lines = [json.dumps(event(f"e-{n}")).encode() for n in range(3)]
    raw_lines.insert(2, json.dumps(event("e-9") | {member: "odd"}).encode().replace(b"odd", odd.encode()))
    assert compare(raw_lines) == 3 + (odd in ("!", "~"))


def test_an_older_contract_version_types_what_lies_before_the_newer_one() -> None:
    fields = (Field("tokens", FieldType.DECIMAL, Use.BILLING), Field("model", FieldType.STRING, Use.CONTEXT))
    book = ContractBook(
        [contract(), contract(version=2, effective_from="2026-02-01T00:00:00Z", fields=fields)]
    )
    old = event("old", time="2026-01-31T23:59:59Z")
    assert compare([json.dumps(item).encode() for item in (old, event("new"), event("half", 1.5))], book) == 3


@pytest.mark.parametrize(
    "text", ["0", "-0", "0.0", "1.0", "0.000000000001", "-0.0000005", "123456789012345678.123456789012"]
)
def test_canonical_decimals_are_plain_in_columns_too(text: str) -> None:
    fields = (Field("cost", FieldType.DECIMAL, Use.BILLING),)
    book = ContractBook([contract(fields=fields)])
    raw = json.dumps(event("e", data={"cost": text})).encode()
    outcome = decode_item(raw, book, received_at=NOW, default_source=None)
    assert isinstance(outcome, Event)
    declared = book.versions("llm.request")[0]
    fast = decode_lines(lines_of(raw), book, received_at=NOW, default_source=None)
    assert canonical_column(fast.tables[0]) == [canonical_of(outcome, declared)]
    key = identity_key(SECRET, outcome.source, outcome.id)
    assert content_digests(fast.tables[0], identity_keys(fast.tables[0], SECRET)) == content_digest(
        key, canonical_of(outcome, declared)
    )


@pytest.mark.parametrize("count", [ROWS_HASHED - 1, ROWS_HASHED, 2 * ROWS_HASHED + 1])
def test_digests_of_many_rows_are_those_of_each(count: int) -> None:
    """They are taken some rows at a time; the kernel takes each by itself."""
    raw_lines = [json.dumps(event(f"e-{n}", n)).encode() for n in range(count)]
    block = decode_lines(lines_of(b"\n".join(raw_lines)), BOOK, received_at=NOW, default_source=None)
    (table,) = block.tables
    declared = BOOK.versions("llm.request")[0]
    keys, digests = [], []
    for raw in raw_lines:
        outcome = decode_item(raw, BOOK, received_at=NOW, default_source=None)
        assert isinstance(outcome, Event)
        keys.append(identity_key(SECRET, outcome.source, outcome.id))
        digests.append(content_digest(keys[-1], canonical_of(outcome, declared)))
    assert identity_keys(table, SECRET) == b"".join(keys)
    assert content_digests(table, b"".join(keys)) == b"".join(digests)


def test_well_formed_lines_are_taken_column_wise(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fast path is not fast by sending everything to the definition."""
    sent: list[int] = []

    def counted(items: Sequence[tuple[int, bytes]], *arguments: object, **named: object) -> Block:
        sent.append(len(items))
        return decode_items(items, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(block, "decode_items", counted)
    framed = lines_of(b"".join(json.dumps(event(f"e-{n}")).encode() + b"\n" for n in range(2_000)))
    found = decode_lines(framed, BOOK, received_at=NOW, default_source=None)
    assert [table.num_rows for table in found.tables] == [2_000]
    assert sent == [0]
