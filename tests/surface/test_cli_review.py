"""The workplace as a person and a program meet it: what is printed, bad input, and exit codes."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from tests.surface.conftest import DemoHome, Ran, in_process, tieout

AS_ADA = ("--by", "Ada", "--reason", "looked at it")


@pytest.fixture
def home(demo_home: DemoHome, tmp_path: Path) -> DemoHome:
    return DemoHome(Path(shutil.copytree(demo_home.folder, tmp_path / "home")), demo_home.summary)


def first_item(home: DemoHome, reason: str) -> str:
    ran = home.run("quarantine", "list", "--reason", reason, "--limit", "1", "--json")
    assert ran.code == 0, ran.err
    return str(ran.json[0]["id"])


def refused(ran: Ran, code: int, *words: str) -> None:
    assert ran.code == code, ran.out + ran.err
    assert "Traceback" not in ran.err
    for word in words:
        assert word in ran.err, ran.err


def test_groups_add_up_to_the_list(demo_home: DemoHome) -> None:
    groups = demo_home.run("quarantine", "groups", "--json").json
    items = demo_home.run("quarantine", "list", "--limit", "10000", "--json").json
    assert sum(group["items"] for group in groups) == len(items) > 0
    for group in groups:
        of_group = [i for i in items if (i["reason"], i["source"], i["field"]) == (
            group["reason"], group["source"], group["field"])]  # fmt: skip
        assert len(of_group) == group["items"]
        assert group["example"] == of_group[0]["id"]
        assert group["first_at"] == min(i["received_at"] for i in of_group)
        assert group["last_at"] == max(i["received_at"] for i in of_group)
    told = demo_home.run("quarantine", "groups").out
    assert f"{groups[0]['reason']}/{groups[0]['source']}" in told


def test_filters_of_the_list(demo_home: DemoHome) -> None:
    everything = demo_home.run("quarantine", "list", "--limit", "10000", "--json").json
    since = everything[len(everything) // 2]["received_at"]
    for option, value, name in (
        ("--reason", everything[0]["reason"], "reason"),
        ("--source", everything[0]["source"], "source"),
        ("--field", "data.input_tokens", "field"),
    ):
        rows = demo_home.run("quarantine", "list", option, value, "--limit", "10000", "--json").json
        assert rows == [each for each in everything if each[name] == value] != []
    rows = demo_home.run("quarantine", "list", "--since", since, "--limit", "10000", "--json").json
    assert rows == [each for each in everything if each["received_at"] >= since]
    page = demo_home.run("quarantine", "list", "--limit", "2", "--json").json
    rest = demo_home.run("quarantine", "list", "--after", page[-1]["id"], "--limit", "10000", "--json").json
    assert page + rest == everything
    assert demo_home.run("quarantine", "list", "--state", "discarded", "--json").json == []
    assert len(
        demo_home.run("quarantine", "list", "--state", "all", "--limit", "10000", "--json").json
    ) == len(everything)


def test_fix_preview_and_release(home: DemoHome, tmp_path: Path) -> None:
    item = first_item(home, "number-malformed")
    shown = home.run("quarantine", "show", item, "--json").json
    event = json.loads(shown["raw"])
    event["data"]["input_tokens"] = 1_000
    event["time"] = "2026-04-02T00:00:00Z"
    corrected = tmp_path / "corrected.json"
    corrected.write_text(json.dumps(event, indent=1))
    again = home.run("quarantine", "release", item, "--preview")
    assert again.code == 0 and "not under a signed policy" in again.out and "nothing was stored" in again.out
    preview = home.run("quarantine", "release", item, "--with", str(corrected), "--preview", "--json").json
    assert preview["standing"] == "not under a signed policy"
    assert preview["items"][0]["verdict"] == "accepted"
    amounts = [row["amount"] for effect in preview["effects"] for row in effect["rows"]]
    assert amounts and all(isinstance(each["after"], str) for each in amounts)
    ran = home.run("quarantine", "release", item, "--with", str(corrected), *AS_ADA, "--json")
    assert ran.code == 0, ran.err
    assert ran.json[0]["verdict"] == "accepted" and ran.json[0]["item"] == item
    refused(home.run("quarantine", "release", item, *AS_ADA), 4, "was released as", "Ada")
    shown = home.run("quarantine", "show", item, "--json").json
    assert shown["state"] == "released" and shown["decision"]["arrived_as"] == ran.json[0]["arrived_as"]
    why = home.run("events", "why", event["id"])
    assert "Released by Ada (looked at it)" in " ".join(why.out.split()) or "Released by Ada" in why.out
    assert home.run("verify").code == 0


def test_a_refused_release_is_1_and_says_where_it_stands(home: DemoHome) -> None:
    item = first_item(home, "not-json")
    ran = home.run("quarantine", "release", item, *AS_ADA)
    assert ran.code == 1 and "quarantined" in ran.out and "refused again" in ran.err
    new = home.run("quarantine", "show", item, "--json").json["decision"]["arrived_as"]
    assert home.run("quarantine", "show", new, "--json").json["released_from"] == item
    group = home.run("quarantine", "release", "--group", "not-json/unknown", *AS_ADA)
    assert group.code == 1 and "released: " in group.out
    preview = home.run("quarantine", "release", "--group", "not-json/unknown", "--preview")
    assert preview.code == 0 and "No open period changes" in preview.out


def test_discard(home: DemoHome) -> None:
    item = first_item(home, "not-json")
    ran = home.run("quarantine", "discard", item, *AS_ADA)
    assert ran.code == 0 and "Ada" in ran.out
    refused(home.run("quarantine", "discard", item, *AS_ADA), 4, "discarded by Ada")
    (row,) = home.run("quarantine", "list", "--state", "discarded", "--json").json
    assert row["id"] == item and row["decision"]["reason"] == "looked at it"


def test_a_conflict_is_shown_side_by_side(demo_home: DemoHome) -> None:
    item = first_item(demo_home, "identity-conflict")
    shown = demo_home.run("quarantine", "show", item, "--json").json
    differs = [row["name"] for row in shown["fields"] if row["differs"]]
    assert differs
    told = demo_home.run("quarantine", "show", item).out
    assert shown["original"] in told and "differs" in told


BAD_QUARANTINE = [
    (("list", "--state", "gone"), 2, "states are"),
    (("list", "--reason", "gone"), 2, "reasons are"),
    (("list", "--since", "yesterday"), 2, "yesterday"),
    (("list", "--after", "x"), 2, "not a position"),
    (("show", "b999.r1"), 3, "b999.r1"),
    (("release", "b999.r1", *AS_ADA), 3, "b999.r1"),
    (("release", "b999.r1", "--by", "", "--reason", "x"), 3, "b999.r1"),
    (("release", "b1.r0"), 2, "--by"),
    (("release", *AS_ADA), 2, "--group"),
    (("release", "b1.r0", "--group", "a/b", *AS_ADA), 2, "--group"),
    (("release", "--group", "not-json", *AS_ADA), 2, "REASON/SOURCE"),
    (("release", "--group", "not-json/nobody", *AS_ADA), 3, "No open item"),
    (("release", "--group", "oops/nobody", *AS_ADA), 2, "reasons are"),
    (("release", "b1.r0", "--with", "gone.json", *AS_ADA), 3, "gone.json"),
    (("discard", "b1.r0", "--by", "Ada"), 2, "--reason"),
    (("discard", "b999.r1", *AS_ADA), 3, "b999.r1"),
]


@pytest.mark.parametrize(("arguments", "code", "word"), BAD_QUARANTINE)
def test_bad_input_of_quarantine(
    demo_home: DemoHome, arguments: tuple[str, ...], code: int, word: str
) -> None:
    refused(demo_home.run("quarantine", *arguments), code, word)


def test_whoever_decides_is_named(demo_home: DemoHome) -> None:
    item = first_item(demo_home, "not-json")
    for by, reason in (("", "x"), ("Ada", " "), ("A" * 129, "x"), ("Ada", "line\nbreak")):
        refused(
            demo_home.run("quarantine", "discard", item, "--by", by, "--reason", reason), 2, "who they are"
        )


def test_find_and_page(demo_home: DemoHome) -> None:
    total = demo_home.run("events", "count", "--json").json["events"]
    assert total == 5_000
    seen: list[str] = []
    after: tuple[str, ...] = ()
    while True:
        page = demo_home.run("events", "find", "--limit", "1700", *after, "--json").json
        seen += [each["position"] for each in page["events"]]
        if page["next"] is None:
            break
        after = ("--after", page["next"])
    assert len(seen) == len(set(seen)) == total
    one = demo_home.run("events", "find", "--customer", "alder", "--limit", "1", "--json").json["events"][0]
    assert one["customer"] == "alder"
    for option in (("--id", one["id"]), ("--position", one["position"])):
        (found,) = demo_home.run("events", "find", *option, "--json").json["events"]
        assert found == one
    assert demo_home.run("events", "show", one["position"], "--json").json == one
    for name in ("source", "subject", "type"):
        rows = demo_home.run("events", "find", f"--{name}", one[name], "--limit", "50", "--json").json[
            "events"
        ]
        assert rows and {row[name] for row in rows} == {one[name]}
    model = one["data"]["model"]
    rows = demo_home.run("events", "find", "--where", f"model={model}", "--limit", "50", "--json").json[
        "events"
    ]
    assert {row["data"]["model"] for row in rows} == {model}
    assert "There are more" in demo_home.run("events", "find", "--limit", "2").err
    assert one["id"] in demo_home.run("events", "show", one["position"]).out


def test_why_by_id_and_by_position(demo_home: DemoHome) -> None:
    one = demo_home.run("events", "find", "--customer", "alder", "--limit", "1", "--json").json["events"][0]
    (told,) = demo_home.run("events", "why", one["id"], "--json").json
    assert told["accepted"]["customer"] == "alder"
    states = {meter["state"] for meter in told["accepted"]["meters"] if meter["fate"] == "counted"}
    assert states == {"sealed"}
    line = next(meter["lines"][0] for meter in told["accepted"]["meters"] if meter["lines"])
    assert demo_home.run("trace", line).code == 0
    assert demo_home.run("events", "why", one["position"], "--json").json == [told]
    assert "sealed in invoice" in " ".join(demo_home.run("events", "why", one["id"]).out.split())


def test_an_export_is_safe_in_a_spreadsheet(home: DemoHome, tmp_path: Path) -> None:
    events = [
        {"specversion": "1.0", "source": source, "id": f"=cmd{n}", "type": "llm.request",
         "subject": "key-alder-1", "time": "2026-04-02T00:00:00Z", "extra": "x",
         "data": {"model": "small", "input_tokens": 1, "output_tokens": 1, "status": "ok", "delta": -5}}
        for n, source in enumerate(["=HYPERLINK()", "+1", "-1", "@x"])
    ]  # fmt: skip
    file = tmp_path / "hostile.ndjson"
    file.write_text("".join(json.dumps(event) + "\n" for event in events))
    assert home.run("ingest", str(file)).code == 0
    out = tmp_path / "out.csv"
    ran = home.run("events", "export", "--out", str(out), "--since", "2026-04-02T00:00:00Z", "--json")
    assert ran.code == 0, ran.err
    with out.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert ran.json["events"] == len(rows)
    hostile = [row for row in rows if "cmd" in row["id"]]
    assert sorted(row["source"] for row in hostile) == ["'+1", "'-1", "'=HYPERLINK()", "'@x"]
    assert all(row["id"].startswith("'=cmd") for row in hostile)
    assert {row["data.input_tokens"] for row in hostile} == {"1"}
    refused(home.run("events", "export", "--out", str(out)), 4, "is there already")


BAD_EVENTS = [
    (("find", "--after", "x"), 2, "not a position"),
    (("find", "--position", "x"), 2, "not a position"),
    (("find", "--customer", "nobody"), 3, "nobody"),
    (("find", "--where", "model"), 2, "name=value"),
    (("find", "--since", "2026-03-01T00:00:00Z", "--until", "2026-02-01T00:00:00Z"), 2, "empty"),
    (("find", "--since", "soon"), 2, "soon"),
    (("find", "--limit", "0"), 2, "limit"),
    (("show", "b999.r0"), 3, "b999.r0"),
    (("show", "nothing"), 2, "not a position"),
    (("why", "nothing"), 3, "nothing"),
    (("count", "--customer", "nobody"), 3, "nobody"),
    (("export", "--out", "events.txt"), 2, ".parquet"),
    (("export", "--out", "no/such/folder/events.csv"), 2, "no/such/folder"),
    (("export",), 2, "--out"),
    (("erase", "b1.r0", "--by", "Ada"), 2, "--reason"),
    (("erase", "--by", "Ada", "--reason", "x"), 2, "POSITION"),
    (("erase", "--source", "a", "--by", "Ada", "--reason", "x"), 2, "POSITION"),
    (("erase", "b999.r0", "--by", "Ada", "--reason", "x"), 3, "b999.r0"),
    (("erase", "b1.r0", "--by", "", "--reason", "x"), 2, "who they are"),
]


@pytest.mark.parametrize(("arguments", "code", "word"), BAD_EVENTS)
def test_bad_input_of_events(demo_home: DemoHome, arguments: tuple[str, ...], code: int, word: str) -> None:
    refused(demo_home.run("events", *arguments), code, word)


def test_an_erasure_is_tried_dry_first(home: DemoHome) -> None:
    one = home.run("events", "find", "--customer", "alder", "--limit", "1", "--json").json["events"][0]
    identity = ("--source", one["source"], "--id", one["id"])
    dry = home.run("events", "erase", *identity, *AS_ADA, "--json")
    assert dry.code == 0 and dry.json["done"] is False and "id" in dry.json["goes"]
    assert home.run("events", "show", one["position"], "--json").json == one
    done = home.run("events", "erase", one["position"], *AS_ADA, "--yes", "--json")
    assert done.code == 0 and done.json["done"] and done.json["database_clean"]
    shown = home.run("events", "show", one["position"], "--json").json
    assert shown["erased"]["by"] == "Ada" and shown["id"] != one["id"]
    assert one["id"] not in home.run("events", "find", "--subject", one["subject"], "--json").out
    (told,) = home.run("events", "why", one["id"], "--json").json
    assert told["accepted"]["erased"] is True
    assert home.run("verify").code == 0


def test_help_lists_what_there_is() -> None:
    for noun, verbs in (
        ("quarantine", ("list", "groups", "show", "release", "discard")),
        ("events", ("find", "show", "count", "export", "why", "erase")),
    ):
        ran = in_process(noun, "--help")
        assert ran.code == 0 and all(verb in ran.out for verb in verbs)


def test_a_home_that_is_not_there_is_3(tmp_path: Path) -> None:
    refused(tieout("events", "find", "--home", str(tmp_path / "none")), 3, "not a home")
