"""What the project shows at the end of its first road: a demo home, whole and provable, in any order."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pysqlite3
import pytest

from tests.surface.conftest import DemoHome, tieout
from tests.surface.test_demo import REAL_DATA
from tieout.cli.demo.run_generated import MONTHS, STAGE_AT
from tieout.cli.demo.run_real import AZURE
from tieout.cli.demo.stage import Stage, packaged_policy, set_stage, sign_policy
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.close_periods import close
from tieout.flows.compact_log import compact_log
from tieout.flows.ingest_file import ingest_file
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.flows.measure_usage import usage
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant, parse_instant
from tieout.wiring import open_home

EVENTS = 12_000
AT = tuple(parse_instant(f"2026-{month}-20T00:00:00Z") for month in ("01", "02", "03"))


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> DemoHome:
    """The demo, with as many events as compaction waits for."""
    folder = tmp_path_factory.mktemp("show") / "demo-home"
    ran = tieout("demo", "--json", "--home", str(folder), "--events", str(EVENTS))
    assert ran.code == 0, ran.err
    home = DemoHome(folder, ran.json)
    assert list((folder / "segments").rglob("*.parquet")), "there are no segments to show"
    return home


@pytest.fixture
def copied(shown: DemoHome, tmp_path: Path) -> DemoHome:
    return DemoHome(Path(shutil.copytree(shown.folder, tmp_path / "home")), shown.summary)


def test_verify_finds_nothing_in_a_home_as_it_was_written(shown: DemoHome) -> None:
    ran = shown.run("verify", "--json")
    assert (ran.code, ran.json["findings"]) == (0, []), ran.err
    assert ran.json["accepted"] == EVENTS
    assert ran.json["segments"] > 0


def segments(folder: Path) -> list[Path]:
    return sorted((folder / "segments").rglob("*.parquet"))


@pytest.mark.parametrize("part", ["first byte", "middle", "last byte"])
def test_one_flipped_byte_of_any_segment_is_6_and_names_the_segment(copied: DemoHome, part: str) -> None:
    for path in segments(copied.folder):
        content = path.read_bytes()
        place = {"first byte": 0, "middle": len(content) // 2, "last byte": len(content) - 1}[part]
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        ran = copied.run("verify", "--json")
        assert ran.code == 6
        assert any(path.name in finding["where"] for finding in ran.json["findings"])
        path.write_bytes(content)
    assert copied.run("verify").code == 0


@pytest.mark.parametrize("choice", ["first", "last"])
def test_one_flipped_byte_of_a_stored_body_is_6_and_names_the_batch(copied: DemoHome, choice: str) -> None:
    order = {"first": "ASC", "last": "DESC"}[choice]
    with closing(pysqlite3.connect(copied.folder / "log.db")) as log:
        query = f"SELECT rowid, batch, body FROM bodies ORDER BY batch {order}, type LIMIT 1"
        rowid, batch, body = log.execute(query).fetchone()
        middle = len(body) // 2
        flipped = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
        log.execute("UPDATE bodies SET body = ? WHERE rowid = ?", (flipped, rowid))
        log.commit()
    ran = copied.run("verify", "--json")
    assert ran.code == 6
    assert f"batch {batch}" in {finding["where"] for finding in ran.json["findings"]}
    assert "Traceback" not in ran.err


def totals(folder: Path) -> dict[tuple[str, Instant], object]:
    """Usage of three customers in a month each, and what came late in any of theirs."""
    with open_home(folder) as home:
        customers = sorted({row.customer for row in list_invoices(home)})
        assert len(customers) == 25
        reports = {(each, at): usage(home, each, at=at) for each, at in zip(customers[::10], AT, strict=True)}
    return {key: (report.rows, report.late) for key, report in reports.items()}


def test_reading_every_file_again_changes_no_usage_and_no_invoice(copied: DemoHome) -> None:
    before, invoices = totals(copied.folder), copied.run("invoice", "list", "--json").json
    files = sorted(str(path) for path in (copied.folder / "traffic").iterdir())
    ran = copied.run("ingest", *reversed(files), "--json")
    assert ran.code == 0, ran.err
    assert [report["accepted"] for report in ran.json] == [0] * len(files)
    assert totals(copied.folder) == before
    assert copied.run("invoice", "list", "--json").json == invoices
    assert copied.run("verify").code == 0


def test_the_lines_in_another_order_bill_the_same(shown: DemoHome, tmp_path: Path) -> None:
    lines = [
        line
        for path in sorted((shown.folder / "traffic").iterdir())
        for line in path.read_text().splitlines(keepends=True)
    ]
    lines = [line if line.endswith("\n") else line + "\n" for line in lines]
    mixed = shuffled(lines, seed=7)
    assert sorted(mixed) == sorted(lines) and mixed != lines
    as_sent = billed(shown.folder / "catalog", tmp_path / "one", [lines])
    otherwise = billed(shown.folder / "catalog", tmp_path / "other", thirds(mixed))
    assert len(as_sent["invoices"]) > 25 * 3
    assert otherwise == as_sent


def thirds(lines: list[str]) -> list[list[str]]:
    third = len(lines) // 3
    return [lines[:third], lines[third : 2 * third], lines[2 * third :]]


def shuffled(lines: list[str], *, seed: int) -> list[str]:
    """In another order, except lines of one identity, and samples of one subject and time (ties of Last)."""
    order = list(range(len(lines)))
    Random(seed).shuffle(order)
    slots: dict[object, list[int]] = defaultdict(list)
    for slot, place in enumerate(order):
        slots[bound_together(lines[place], place)].append(slot)
    found = [""] * len(lines)
    given: dict[object, int] = defaultdict(int)
    for place, line in enumerate(lines):
        key = bound_together(line, place)
        found[slots[key][given[key]]] = line
        given[key] += 1
    return found


def bound_together(line: str, place: int) -> object:
    try:
        event = json.loads(line)
        if event.get("type") == "storage.sample":
            return event["subject"], event["time"]
        return event["source"], event["id"]
    except (ValueError, KeyError, AttributeError, RecursionError):
        return place


def billed(catalog: Path, folder: Path, files: Iterable[list[str]]) -> dict[str, Any]:
    """A new home under the same catalog reads the files and closes the quarter: what is on its invoices."""
    stage: Stage = set_stage(folder, now=STAGE_AT)
    with stage.home as home:
        apply_catalog(home, catalog)
        sign_policy(stage, packaged_policy("gateway.toml"))
        stage.clock.set_to(MONTHS[-1][1])
        verdicts: dict[str, int] = defaultdict(int)
        for number, lines in enumerate(files):
            path = folder / f"part-{number}.ndjson"
            path.write_text("".join(lines))
            report = ingest_file(home, path)
            for verdict in ("received", "accepted", "duplicate", "conflict", "quarantined"):
                verdicts[verdict] += getattr(report, verdict)
            compact_log(home)
        report = close(home, as_of=MONTHS[-1][1])
        assert len(report.invoices) == 75
        documents = [json.loads(show_invoice(home, row.id).document) for row in list_invoices(home)]
        customers = sorted({document["customer"]["id"] for document in documents})
        usages = {customer: usage(home, CustomerId(customer), at=AT[-1]).rows for customer in customers[::3]}
    return {
        "verdicts": dict(verdicts),
        "invoices": sorted(
            (
                *(document["customer"]["id"], document["period"]["start"]),
                *(line["meter"] or "", line["description"], line["quantity"], line["amount"]),
            )
            for document in documents
            for line in document["lines"]
        ),
        "totals": sorted(
            (document["customer"]["id"], document["period"]["start"], document["total"])
            for document in documents
        ),
        "usage": {
            customer: [(row.meter, row.quantity, row.event_count, row.excluded_count) for row in rows]
            for customer, rows in usages.items()
        },
    }


@pytest.mark.skipif(not (REAL_DATA / AZURE.file).is_file(), reason=f"{AZURE.file} is not in {REAL_DATA}")
def test_the_azure_trace_alone_bills_exactly_its_tokens(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / AZURE.file).symlink_to((REAL_DATA / AZURE.file).resolve())
    home = DemoHome(tmp_path / "home", {})
    ran = tieout("demo", "--json", "--home", str(home.folder), "--data", str(tmp_path / "data"))
    assert ran.code == 0, ran.err
    (row,) = home.run("invoice", "list", "--json").json
    shown = home.run("invoice", "show", row["id"], "--json").json
    assert {line["meter"]: line["quantity"] for line in shown["lines"]} == {
        "context-tokens": "18059974",
        "generated-tokens": "245896",
    }
