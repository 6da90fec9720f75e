"""From files to a traced invoice with the segments in a bucket, by the commands that a person types."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.s3_server import BUCKET, CREDENTIALS, S3Server, free_port, s3_server
from tests.small_home import january, make_home
from tests.surface.conftest import Ran, tieout

CLOSE = ("close", "--as-of", "2026-03-03T00:00:00Z")


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        yield running


def env(endpoint: str, prefix: str) -> dict[str, str]:
    return {**CREDENTIALS, "AWS_ENDPOINT_URL": endpoint, "TIEOUT_SEGMENTS_URL": f"s3://{BUCKET}/{prefix}"}


def prepared(folder: Path) -> Path:
    home, _ = make_home(folder)
    home.close()
    usage = folder / "january.ndjson"
    usage.write_text("".join(json.dumps(item) + "\n" for item in january(200)))
    return usage


def run(folder: Path, where: dict[str, str], *verb: str) -> Ran:
    return tieout(*verb, "--home", str(folder), **where)


def story(folder: Path, where: dict[str, str]) -> tuple[object, ...]:
    """What the commands say, less what differs from home to home."""
    usage = prepared(folder)
    assert run(folder, where, "ingest", str(usage)).code == 0
    compacted = run(folder, where, "compact", "--all", "--json")
    assert compacted.code == 0, compacted.err
    used = run(folder, where, "usage", "acme", "--at", "2026-01-20T00:00:00Z", "--json")
    closed = run(folder, where, *CLOSE, "--json")
    assert (used.code, closed.code) == (0, 0), closed.err
    listed = run(folder, where, "invoice", "list", "--json").json
    line = run(folder, where, "invoice", "show", listed[0]["number"], "--json").json["lines"][-1]["id"]
    traced = run(folder, where, "trace", line, "--json")
    verified = run(folder, where, "verify", "--json")
    assert (traced.code, verified.code) == (0, 0), (traced.err, verified.err)
    assert verified.json["findings"] == []
    totals = [(invoice["customer"], invoice["total"]) for invoice in listed]
    quantities = [(row["meter"], row["quantity"], row["event_count"]) for row in used.json["rows"]]
    counts = {name: verified.json[name] for name in ("batches", "received", "accepted", "segments")}
    return compacted.json["compacted"], totals, quantities, counts


def test_from_files_to_a_trace_as_with_local_segments(tmp_path: Path, server: S3Server) -> None:
    local = story(tmp_path / "local", {})
    where = env(server.endpoint, "whole")
    assert story(tmp_path / "remote", where) == local
    assert len([key for key in server.object_keys() if key.startswith("whole/")]) == 1
    assert not (tmp_path / "remote" / "segments").exists()
    health = run(tmp_path / "remote", where, "doctor", "--json").json
    (line,) = [line for line in health if line["name"] == "segments"]
    assert line["ok"] and f"s3://{BUCKET}/whole" in line["detail"]


def test_a_bucket_that_is_down_is_5_and_one_line(tmp_path: Path, server: S3Server) -> None:
    down = env(f"http://127.0.0.1:{free_port()}", "down")
    usage = prepared(tmp_path)
    assert run(tmp_path, down, "ingest", str(usage)).code == 0, "too few to compact: nothing asks the bucket"
    for verb in (("compact", "--all"), ("compact",)):
        ran = run(tmp_path, down, *verb)
        assert ran.code == 5, (ran.out, ran.err)
        assert len(ran.err.strip().splitlines()) == 1 and f"s3://{BUCKET}/down" in ran.err
        assert "Traceback" not in ran.err
    up = env(server.endpoint, "down")
    assert run(tmp_path, up, "compact", "--all").code == 0
    copies = tmp_path / "segments-cache"
    for copy in copies.rglob("*.parquet"):
        copy.unlink()
    for verb in (("usage", "acme", "--at", "2026-01-20T00:00:00Z"), ("verify",)):
        ran = run(tmp_path, down, *verb)
        assert ran.code == 5, (ran.out, ran.err)
        assert len(ran.err.strip().splitlines()) == 1
    assert run(tmp_path, up, "verify").code == 0


def test_wrong_credentials_and_buckets_are_one_line(tmp_path: Path, server: S3Server) -> None:
    usage = prepared(tmp_path)
    where = env(server.endpoint, "x") | {"TIEOUT_SEGMENTS_URL": "s3://no-such-bucket/x"}
    assert run(tmp_path, where, "ingest", str(usage)).code == 0
    ran = run(tmp_path, where, "compact", "--all")
    assert ran.code == 5 and len(ran.err.strip().splitlines()) == 1, ran.err
    bad = env(server.endpoint, "x") | {"TIEOUT_SEGMENTS_URL": "ftp://bucket/x"}
    ran = run(tmp_path, bad, "doctor")
    assert ran.code == 2 and "TIEOUT_SEGMENTS_URL" in ran.err
    bad = env(server.endpoint, "x") | {"TIEOUT_SEGMENTS_CACHE_BYTES": "10 GB"}
    ran = run(tmp_path, bad, "doctor")
    assert ran.code == 2 and "TIEOUT_SEGMENTS_CACHE_BYTES" in ran.err


@pytest.mark.parametrize("point", ["compact-after-files", "compact-before-commit", "compact-after-commit"])
def test_a_compaction_into_a_bucket_killed_here_is_taken_up(
    tmp_path: Path, server: S3Server, point: str
) -> None:
    where = env(server.endpoint, point)
    usage = prepared(tmp_path)
    assert run(tmp_path, where, "ingest", str(usage)).code == 0
    assert run(tmp_path, {**where, "CRASH_AT": point}, "compact", "--all").code == -signal.SIGKILL
    assert run(tmp_path, where, "verify").code == 0
    assert run(tmp_path, where, "compact", "--all").code == 0
    ran = run(tmp_path, where, "verify", "--json")
    assert (ran.json["accepted"], ran.json["segments"], ran.json["findings"]) == (600, 1, [])


def test_events_are_found_and_erased_in_a_bucket_as_in_a_folder(tmp_path: Path, server: S3Server) -> None:
    """The id is a UUID, which segments pack; nothing of the event is left, in the bucket or in a copy."""
    secret = "0f8fad5b-d9cb-469f-a165-70867728950e"
    told: list[object] = []
    places: dict[str, dict[str, str]] = {"local": {}, "remote": env(server.endpoint, "erased")}
    for name, where in places.items():
        folder = tmp_path / name
        usage = prepared(folder)
        first = january(1)[0]
        personal = {**first, "id": secret, "data": {**first["data"], "note": "zyzzyva-9942"}}  # type: ignore[dict-item]
        usage.write_text(usage.read_text() + json.dumps(personal) + "\n")
        assert run(folder, where, "ingest", str(usage)).code == 0
        assert run(folder, where, "compact", "--all").code == 0
        packed = bytes.fromhex(secret.replace("-", ""))
        assert any(packed in path.read_bytes() for path in folder.rglob("*.parquet")), "a UUID is packed"
        counted = run(folder, where, "events", "count", "--json").json
        by = ("--by", "Ada", "--reason", "asked", "--yes")
        erased = run(folder, where, "events", "erase", "--source", "gateway", "--id", secret, *by, "--json")
        assert erased.code == 0, erased.err
        for path in folder.rglob("*.parquet"):
            assert packed not in path.read_bytes(), path
        if where:
            shutil.rmtree(folder / "segments-cache")
            assert len([key for key in server.object_keys() if key.startswith("erased/")]) == 1
        assert run(folder, where, "verify").code == 0
        assert run(folder, where, "events", "count", "--json").json == counted
        (found,) = run(folder, where, "events", "find", "--id", secret, "--json").json["events"]
        assert found["erased"]["by"] == "Ada" and found["extras"] == {} and secret not in str(found)
        out = folder / "out.csv"
        exported = run(folder, where, "events", "export", "--out", str(out), "--json").json
        assert exported["events"] == counted["events"]
        assert "zyzzyva" not in out.read_text()
        told.append((counted, found["position"], found["data"]))
    assert told[0] == told[1]
