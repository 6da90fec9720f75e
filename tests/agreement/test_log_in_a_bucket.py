"""The log with its segments in a bucket: the same answers as with local ones, and nothing lost when the
bucket fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.logs import NOW, contract, counts, event, ndjson, open_log, send
from tests.s3_server import BUCKET, CREDENTIALS, CuttingProxy, S3Server, free_port, s3_server
from tieout.kernel.ids import EventType, Position, Subject, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.ports import SegmentsUnavailable, UnreadableSegment
from tieout.store.log.log import SqlEventLog
from tieout.store.log.segments import cache, remote
from tieout.store.log.segments.place import MalformedSegmentsUrl, SegmentsElsewhere, SegmentsPlace

TYPES = frozenset({EventType("llm.request")})
SPANS = {Subject(f"team-{n}"): [Period(contract().effective_from, NOW)] for n in range(3)}
HOUR = 3_600_000_000


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        yield running


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(remote, "ATTEMPTS", 1)


def place(server: S3Server | str, prefix: str) -> SegmentsPlace:
    endpoint = server if isinstance(server, str) else server.endpoint
    return SegmentsPlace(url=f"s3://{BUCKET}/{prefix}", endpoint=endpoint)


def blocks(first: int, last: int) -> list[bytes]:
    return [
        ndjson([event(f"e{n}-{m}", m, subject=f"team-{m % 3}") for m in range(30)])
        for n in range(first, last)
    ]


def told(log: SqlEventLog) -> dict[str, object]:
    """Ingest and compact ten times, so that segments are merged, and what the log then answers."""
    for number in range(10):
        send(log, *blocks(number * 3, number * 3 + 3))
        log.compact(rows_min=1)
    story: dict[str, object] = {"again": counts(send(log, *blocks(0, 2)))}
    head = log.head()
    report = log.verify()
    assert report.findings == ()
    manifest = log.manifest()
    story["verified"] = (report.batches, report.received, report.accepted, report.segments)
    story["segments"] = [(s.first_batch, s.last_batch, s.rows) for s in manifest.segments]
    for watermark in (1, 7, 24, 25, head):
        story[f"as of {watermark}"] = ids(log, Watermark(watermark))
    story["event"] = [log.event_at(Position(batch, 4)) is not None for batch in range(1, head + 1)]
    return story


def ids(log: SqlEventLog, watermark: Watermark) -> list[str]:
    return [stored.event.id for stored in log.events(SPANS, TYPES, watermark=watermark)]


def test_a_log_in_a_bucket_answers_as_a_local_one(tmp_path: Path, server: S3Server) -> None:
    local, engine = open_log(tmp_path / "local")
    expected = told(local)
    engine.dispose()
    log, engine = open_log(tmp_path / "remote", segments=place(server, "equal"))
    assert told(log) == expected
    merged = expected["segments"]
    assert isinstance(merged, list) and len(merged) == 3, "eight became one"
    assert not list((tmp_path / "remote").glob("segments/**/*.parquet"))
    assert len([key for key in server.object_keys() if key.startswith("equal/")]) == 11
    engine.dispose()
    later = Instant(NOW + HOUR)
    log, engine = open_log(tmp_path / "remote", now=later, segments=place(server, "equal"))
    log.maintain()
    assert len([key for key in server.object_keys() if key.startswith("equal/")]) == 3, (
        "the retired are deleted"
    )
    assert log.verify().findings == ()
    engine.dispose()


def test_a_home_knows_where_its_segments_are(tmp_path: Path, server: S3Server) -> None:
    log, engine = open_log(tmp_path, segments=place(server, "known"))
    send(log, *blocks(0, 2))
    log.compact(rows_min=1)
    engine.dispose()
    untold = SegmentsPlace(endpoint=server.endpoint)
    log, engine = open_log(tmp_path, segments=untold)
    assert len(ids(log, log.head())) == 60
    with pytest.raises(SegmentsElsewhere, match=f"are at s3://{BUCKET}/known"):
        open_log(tmp_path, segments=place(server, "elsewhere"))
    for url in ("s3:/x", "https://bucket/prefix", "s3://U/x", "s3://bucket/../x y", "s3://"):
        with pytest.raises(MalformedSegmentsUrl):
            open_log(tmp_path, segments=SegmentsPlace(url=url))
    engine.dispose()


def test_a_local_home_with_segments_is_not_sent_elsewhere(tmp_path: Path, server: S3Server) -> None:
    log, engine = open_log(tmp_path)
    send(log, *blocks(0, 1))
    log.compact(rows_min=1)
    engine.dispose()
    with pytest.raises(SegmentsElsewhere):
        open_log(tmp_path, segments=place(server, "late"))


def test_a_bucket_that_does_not_answer_loses_nothing(tmp_path: Path, server: S3Server) -> None:
    refusing = f"http://127.0.0.1:{free_port()}"
    log, engine = open_log(tmp_path, segments=place(refusing, "down"))
    assert counts(send(log, *blocks(0, 3))) == {"accepted": 90}
    with pytest.raises(SegmentsUnavailable) as refused:
        log.compact(rows_min=1)
    assert refused.value.exit_code == 5
    assert "\n" not in str(refused.value) and refusing in str(refused.value)
    assert len(ids(log, log.head())) == 90, "the bodies answer"
    engine.dispose()
    log, engine = open_log(tmp_path, segments=place(server, "down"))
    assert log.compact(rows_min=1) == 1
    assert len(ids(log, log.head())) == 90
    assert log.verify().findings == ()
    engine.dispose()


def test_an_upload_cut_in_the_middle_is_done_again(tmp_path: Path, server: S3Server) -> None:
    proxy = CuttingProxy(server.endpoint)
    log, engine = open_log(tmp_path, segments=place(proxy.endpoint, "cut"))
    send(log, *blocks(0, 60))
    proxy.after = 20_000
    with pytest.raises(SegmentsUnavailable):
        log.compact(rows_min=1)
    assert proxy.cuts
    assert not [key for key in server.object_keys() if key.startswith("cut/")], "half an object is none"
    proxy.after = None
    assert log.compact(rows_min=1) == 1
    assert log.verify().findings == ()
    assert len(ids(log, log.head())) == 1800
    engine.dispose()
    proxy.close()


def test_an_orphan_in_the_bucket_is_collected(tmp_path: Path, server: S3Server) -> None:
    log, engine = open_log(tmp_path, segments=place(server, "orphans"))
    send(log, *blocks(0, 1))
    log.compact(rows_min=1)
    (key,) = [key for key in server.object_keys() if key.startswith("orphans/")]
    left = key.replace("000000000001-000000000001", "000000000001-000000000009")
    server.write(left, b"half")
    server.write("orphans/notes.txt", b"not ours")
    assert log.maintain().orphans == 1
    found = [key for key in server.object_keys() if key.startswith("orphans/")]
    assert found == [key, "orphans/notes.txt"]
    engine.dispose()


def test_every_flipped_byte_in_the_bucket_is_found(tmp_path: Path, server: S3Server) -> None:
    log, engine = open_log(tmp_path, segments=place(server, "flipped"))
    send(log, *blocks(0, 1))
    log.compact(rows_min=1)
    (key,) = [key for key in server.object_keys() if key.startswith("flipped/")]
    content = server.read(key)
    for at in range(0, len(content), len(content) // 12):
        server.write(key, content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        assert [finding.what for finding in log.verify().findings] == ["segment", "batch"], at
    server.write(key, content[:-1])
    assert log.verify().findings
    server.delete(key)
    assert any("missing" in finding.detail for finding in log.verify().findings)
    server.write(key, content)
    assert log.verify().findings == ()
    engine.dispose()


def test_a_changed_copy_is_fetched_again(tmp_path: Path, server: S3Server) -> None:
    log, engine = open_log(tmp_path, segments=place(server, "copies"))
    send(log, *blocks(0, 1))
    log.compact(rows_min=1)
    (copy,) = (tmp_path / "segments-cache").rglob("*.parquet")
    content = copy.read_bytes()
    copy.write_bytes(b"x" * len(content))
    assert len(ids(log, log.head())) == 30
    assert copy.read_bytes() == content
    copy.write_bytes(content[:-5])
    assert len(ids(log, log.head())) == 30
    copy.unlink()
    (copy.parent / "stranger").write_bytes(b"")
    assert len(ids(log, log.head())) == 30
    engine.dispose()


def test_what_was_fetched_wrong_is_never_a_copy(tmp_path: Path, server: S3Server) -> None:
    log, engine = open_log(tmp_path, segments=place(server, "wrong"))
    send(log, *blocks(0, 1))
    log.compact(rows_min=1)
    (key,) = [key for key in server.object_keys() if key.startswith("wrong/")]
    (copy,) = (tmp_path / "segments-cache").rglob("*.parquet")
    copy.unlink()
    server.write(key, b"x" * len(server.read(key)))
    with pytest.raises(UnreadableSegment, match="SHA-256"):
        log.manifest()
    assert not list((tmp_path / "segments-cache").rglob("*.parquet"))
    assert not list((tmp_path / "segments-cache").rglob("*.new"))
    engine.dispose()


def test_the_cache_is_bounded_but_for_what_is_in_use(
    tmp_path: Path, server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = SegmentsPlace(f"s3://{BUCKET}/small", server.endpoint, cache_bytes_max=20_000)
    log, engine = open_log(tmp_path, segments=small)
    for number in range(6):
        send(log, *blocks(number, number + 1))
        log.compact(rows_min=1)
    copies = list((tmp_path / "segments-cache").rglob("*.parquet"))
    assert len(copies) == 6, "all were used in the last 15 minutes"
    monkeypatch.setattr(cache, "IN_USE_SECONDS", -1)
    send(log, *blocks(6, 7))
    log.compact(rows_min=1)
    kept = sum(path.stat().st_size for path in (tmp_path / "segments-cache").rglob("*.parquet"))
    assert 0 < kept <= 20_000
    monkeypatch.undo()
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    assert len(ids(log, log.head())) == 210
    engine.dispose()
