"""Files as senders write them: every format, cut off, appended, replaced, compressed, with bad headers."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.small_home import MARCH_3, ZONES, call, catalog_text, january
from tieout.flows import file_pieces, file_stretches, ingest_file
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.file_pieces import EmptyFile, FileChanged, FileMissing
from tieout.flows.ingest_file import IngestReport, SourceNeeded, SourceNotDeclared, UnknownFormat
from tieout.gateways.clock import SteppedClock
from tieout.ingest.csv_framing import CsvHeaderRefused
from tieout.ingest.framing import MalformedGzip, NotAnArray
from tieout.kernel.errors import Refusal
from tieout.kernel.ids import EventType, Subject
from tieout.kernel.limits import ITEM_BYTES_MAX
from tieout.kernel.period import Period
from tieout.ports import QuarantinedItem
from tieout.wiring import Home, create_home

SOURCES = """
[[event]]
type = "web.hit"
version = 1
effective_from = 2025-01-01T00:00:00Z
description = "One request in an access log."
[event.fields.bytes]
type = "integer"
use = "context"
[event.fields.path]
type = "string"
use = "context"

[[source]]
key = "calls-with-id"
version = 1
effective_from = 2025-01-01T00:00:00Z
format = "csv"
event_type = "api.call"
id = { column = "Request" }
subject = { column = "Client", prefix = "key-" }
time = { column = "Time" }
[source.fields]
tokens = { column = "Tokens" }

[[source]]
key = "calls-without-id"
version = 1
effective_from = 2025-01-01T00:00:00Z
format = "csv"
event_type = "api.call"
subject = { column = "Client", prefix = "key-" }
time = { column = "Time" }
[source.fields]
tokens = { column = "Tokens" }

[[source]]
key = "web"
version = 1
effective_from = 2025-01-01T00:00:00Z
format = "access_log"
event_type = "web.hit"
subject = { column = "client", prefix = "key-" }
time = { column = "time", layout = "%d/%b/%Y:%H:%M:%S %z" }
[source.fields]
bytes = { column = "bytes" }
path = { column = "path" }
"""
CSV_HEADER = "Request,Client,Time,Tokens,Unread\n"
HIT = 'acme - - [17/Jan/2026:10:05:{:02d} +0000] "GET /{} HTTP/1.1" 200 {} "-" "curl"\n'


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = create_home(tmp_path / "home", clock=SteppedClock(MARCH_3))
    (tmp_path / "catalog.toml").write_text(catalog_text() + SOURCES)
    apply_catalog(made, tmp_path / "catalog.toml")
    with made:
        yield made


def read(home: Home, file: Path, content: str | bytes, **options: object) -> IngestReport:
    """Writes the file and ingests it."""
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return ingest_file.ingest_file(home, file, **options)  # type: ignore[arg-type]


def told(report: IngestReport) -> tuple[int, int, int, int]:
    """(accepted, duplicate, conflict, quarantined), which add up to received."""
    parts = (report.accepted, report.duplicate, report.conflict, report.quarantined)
    assert sum(parts) == report.received, "law L1"
    return parts


def stored(home: Home) -> list[tuple[str, str, str, object]]:
    """(source, id, subject, tokens) of everything accepted."""
    spans = {Subject(f"key-{customer}"): [Period(type(MARCH_3)(0), MARCH_3)] for customer in ZONES}
    types = frozenset({EventType("api.call"), EventType("web.hit")})
    return [
        (item.event.source, item.event.id, item.event.subject, item.event.fields.get("tokens"))
        for item in home.log.events(spans, types, watermark=home.log.head())
    ]


def refused(home: Home) -> list[QuarantinedItem]:
    found = [home.log.quarantined(item.position) for item in home.log.quarantine(reason=None, limit=1_000)]
    return [item for item in found if item is not None]


def ndjson(events: list[dict[str, object]]) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)


def csv(rows: int, *, start: int = 0) -> str:
    return "".join(f"r{n},acme,2026-01-17T10:00:{n:02d}Z,{n},x\n" for n in range(start, start + rows))


FORMATS: dict[str, tuple[str, str, dict[str, str]]] = {
    "ndjson": ("calls.ndjson", ndjson(january(3)), {}),
    "ndjson without a last newline": ("calls.jsonl", ndjson(january(3)).rstrip("\n"), {}),
    "ndjson with crlf": ("calls.ndjson", ndjson(january(3)).replace("\n", "\r\n"), {}),
    "json array": ("calls.json", json.dumps(january(3), indent=1), {}),
    "csv with id": ("calls.csv", CSV_HEADER + csv(9), {"source": "calls-with-id"}),
    "csv without id": ("calls.csv", CSV_HEADER + csv(9), {"source": "calls-without-id"}),
    "csv with crlf": ("calls.csv", (CSV_HEADER + csv(9)).replace("\n", "\r\n"), {"source": "calls-with-id"}),
    "access log": ("web.log", "".join(HIT.format(n, n, n) for n in range(9)), {"source": "web"}),
}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("marked", [False, True], ids=["", "bom"])
@pytest.mark.parametrize("name", FORMATS)
def test_a_file_twice_is_accepted_once(
    home: Home, tmp_path: Path, name: str, *, packed: bool, marked: bool
) -> None:
    file_name, text, options = FORMATS[name]
    content = (b"\xef\xbb\xbf" if marked else b"") + text.encode()
    file = tmp_path / (f"{file_name}.gz" if packed else file_name)
    assert told(read(home, file, gzip.compress(content) if packed else content, **options)) == (9, 0, 0, 0)
    first = stored(home)
    assert len(first) == 9
    assert told(read(home, file, gzip.compress(content) if packed else content, **options)) == (0, 9, 0, 0)
    assert stored(home) == first
    assert home.log.verify().findings == ()


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("", {}),
        pytest.param("\n \r\n\t\n", {}),
        ("\ufeff", {}),
        ("[]", {"format": "json"}),
        (CSV_HEADER, {"source": "calls-with-id"}),
        ("\n\n", {"source": "web"}),
    ],
)
def test_a_file_without_an_item_is_refused(
    home: Home, tmp_path: Path, content: str, options: dict[str, str]
) -> None:
    with pytest.raises(EmptyFile) as refusal:
        read(home, tmp_path / "empty.ndjson", content, **options)
    assert refusal.value.exit_code == 2 and "empty.ndjson" in str(refusal.value)
    assert home.log.head() == 0


@pytest.mark.parametrize(
    ("name", "content", "options", "kind", "exit_code"),
    [
        ("calls.txt", b"x", {}, UnknownFormat, 2),
        ("calls.ndjson", b"x", {"format": "xml"}, UnknownFormat, 2),
        ("calls.csv", b"x", {}, SourceNeeded, 2),
        ("calls.csv", b"x", {"source": "nowhere"}, SourceNotDeclared, 3),
        ("calls.json", b'{"not": "an array"}', {}, NotAnArray, 2),
        ("calls.ndjson.gz", gzip.compress(b"x" * 99, mtime=0)[:-9], {}, MalformedGzip, 2),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    home: Home, tmp_path: Path, name: str, content: bytes, options: dict[str, str], kind: type, exit_code: int
) -> None:
    with pytest.raises(kind) as refusal:
        read(home, tmp_path / name, content, **options)
    assert isinstance(refusal.value, Refusal) and refusal.value.exit_code == exit_code
    assert name in str(refusal.value)
    assert home.log.head() == 0


def test_a_missing_file_and_a_folder_are_named(home: Home, tmp_path: Path) -> None:
    for name in ("nowhere.ndjson", "folder.ndjson"):
        (tmp_path / "folder.ndjson").mkdir(exist_ok=True)
        with pytest.raises(FileMissing, match=name) as refusal:
            ingest_file.ingest_file(home, tmp_path / name)
        assert refusal.value.exit_code == 3


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("Request,Client,Time,Unread", "Tokens"),
        ("Request,Client,Time,Tokens,Tokens", "Tokens"),
        ("request,Client,Time,Tokens,Unread", "Request"),
        ("Request;Client;Time;Tokens", "Time"),
        ('"Request,Client', None),
    ],
)
def test_a_header_that_does_not_fit_refuses_the_file(
    home: Home, tmp_path: Path, header: str, column: str | None
) -> None:
    with pytest.raises(CsvHeaderRefused, match=r"calls\.csv, line 1") as refusal:
        read(home, tmp_path / "calls.csv", f"{header}\n{csv(2)}", source="calls-with-id")
    assert refusal.value.exit_code == 2
    assert refusal.value.column == column
    assert home.log.head() == 0


def test_a_truncated_last_line_is_quarantined_and_accepted_once_it_is_whole(
    home: Home, tmp_path: Path
) -> None:
    whole = ndjson(january(3))
    file = tmp_path / "calls.ndjson"
    assert told(read(home, file, whole[:-30])) == (8, 0, 0, 1)
    (item,) = refused(home)
    assert (item.origin, item.line, item.reason.code) == (str(file), 9, "truncated")
    assert item.raw == whole.splitlines()[8][:-29].encode()
    assert told(read(home, file, whole)) == (1, 8, 0, 0)
    assert len(stored(home)) == 9


@pytest.mark.parametrize(
    ("name", "text", "options", "line", "reason"),
    [
        ("calls.json", json.dumps(january(3))[:-9], {}, 9, "truncated"),
        ("calls.csv", CSV_HEADER + csv(9)[:-6], {"source": "calls-with-id"}, 10, "row-malformed"),
        ("calls.csv", CSV_HEADER + csv(8) + 'r9,"acme', {"source": "calls-with-id"}, 10, "truncated"),
        (
            "web.log",
            "".join(HIT.format(n, n, n) for n in range(9))[:-7],
            {"source": "web"},
            9,
            "truncated",
        ),
    ],
)
def test_a_truncated_last_item_of_other_formats_is_quarantined_where_it_stands(
    home: Home, tmp_path: Path, name: str, text: str, options: dict[str, str], line: int, reason: str
) -> None:
    assert told(read(home, tmp_path / name, text, **options)) == (8, 0, 0, 1)
    (item,) = refused(home)
    assert (item.origin, item.line, item.reason.code) == (str(tmp_path / name), line, reason)
    whole, options = next((each[1], each[2]) for each in FORMATS.values() if each[0] == name)
    assert told(read(home, tmp_path / name, whole, **options)) == (1, 8, 0, 0)


def test_every_item_that_was_not_accepted_names_its_file_and_line(home: Home, tmp_path: Path) -> None:
    lines = [
        json.dumps(call(1, "acme", "2026-01-05T00:00:00Z")),
        "",
        "not json",
        "   ",
        json.dumps(call(1, "acme", "2026-01-05T00:00:00Z", tokens=7)),
        json.dumps(call(2, "acme", "2026-01-05T00:00:00")),
        json.dumps(call(3, "acme", "2026-01-05T00:00:00Z")),
    ]
    assert told(read(home, tmp_path / "calls.ndjson", "\n".join(lines))) == (2, 0, 1, 2)
    assert [(item.line, item.reason.code, item.raw.decode()) for item in refused(home)] == [
        (3, "not-json", lines[2]),
        (5, "identity-conflict", lines[4]),
        (6, "time-naive", lines[5]),
    ]
    assert {item.origin for item in refused(home)} == {str(tmp_path / "calls.ndjson")}


def test_an_appended_access_log_counts_only_what_is_new_and_equal_lines_each(
    home: Home, tmp_path: Path
) -> None:
    file = tmp_path / "web.log"
    one, other = HIT.format(1, "a", 10), HIT.format(2, "b", 20)
    assert told(read(home, file, one + one + other, source="web")) == (3, 0, 0, 0)
    assert told(read(home, file, one + one + other + one + "broken\n", source="web")) == (1, 3, 0, 1)
    assert told(read(home, file, one + one + other + one + "broken\n", source="web")) == (0, 4, 0, 1)
    assert len(stored(home)) == 4


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_a_line_beyond_the_limit_is_one_quarantined_item(home: Home, tmp_path: Path, *, packed: bool) -> None:
    long = b'{"x": "' + b"y" * (3 * ITEM_BYTES_MAX) + b'"}'
    good = [json.dumps(event).encode() for event in january(1)]
    content = b"\n".join([good[0], long, good[1], good[2], long])
    name, content = ("a.ndjson.gz", gzip.compress(content)) if packed else ("a.ndjson", content)
    assert told(read(home, tmp_path / name, content)) == (3, 0, 0, 2)
    assert [(item.line, item.reason.code) for item in refused(home)] == [(2, "too-large"), (5, "too-large")]
    assert all(len(item.raw) == ITEM_BYTES_MAX + 1 for item in refused(home))


def replaced(file: Path) -> None:
    other = file.with_name("other")
    other.write_text(ndjson(january(1)))
    other.replace(file)


def appended(file: Path) -> None:
    with file.open("a") as end:
        end.write(ndjson([call(9_999, "acme", "2026-01-05T00:00:00Z")]))


def rewritten(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content)
    os.utime(file, ns=(1, 1))


CHANGES: list[Callable[[Path], None]] = [replaced, appended, rewritten, Path.unlink]


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changes_while_it_is_read_is_refused_and_what_was_read_is_kept(
    home: Home, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    file = tmp_path / "calls.ndjson"
    before = ndjson(january(3))
    is_changed = False

    def meanwhile(_done: int, _size: int) -> None:
        nonlocal is_changed
        if not is_changed:
            change(file)
            is_changed = True

    with pytest.raises(FileChanged, match=r"calls\.ndjson changed") as refusal:
        read(home, file, before, progress=meanwhile)
    assert refusal.value.exit_code == 2
    kept = len(stored(home))
    assert kept >= 9, "what was read of it is in the log"
    assert told(read(home, file, before)) == (0, 9, 0, 0)
    assert len(stored(home)) == kept
    assert home.log.verify().findings == ()


def test_other_processes_read_a_file_to_the_same_log(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [json.dumps(event) for event in january(40)]
    lines[17], lines[60] = "broken", '{"also": "broken"}'
    lines += [lines[3], lines[4].replace('"tokens": ', '"tokens": 9')]
    content = "\n".join(lines)
    for module in (file_pieces, file_stretches):
        monkeypatch.setattr(module, "BLOCK_BYTES", 4_000)
    monkeypatch.setattr(file_pieces, "PIECE_BYTES", 1_000)
    with create_home(tmp_path / "other", clock=SteppedClock(MARCH_3)) as other:
        apply_catalog(other, tmp_path / "catalog.toml")
        alone = read(home, tmp_path / "calls.ndjson", content)
        monkeypatch.setattr(ingest_file, "PARALLEL_BYTES_MIN", 1)
        together = ingest_file.ingest_file(other, tmp_path / "calls.ndjson", workers=2)
        assert told(alone) == (118, 1, 1, 2)
        assert together == alone
        assert alone.last_batch is not None and alone.last_batch > 3
        assert stored(other) == stored(home)
        assert refused(other) == refused(home)
        assert other.log.tallies() == home.log.tallies()
        assert other.log.verify().findings == ()
