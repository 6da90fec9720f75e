"""Events over HTTP: every way to send them, the receipt that tells each item's fate, and retries."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator

import httpx
import pytest

from tests.surface.served import JSON, NDJSON, Served, event, make_served, ndjson


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = make_served(tmp_path_factory.mktemp("events") / "home")
    served.start()
    yield served
    assert served.stop() == 0
    assert "Traceback" not in "".join(served.told)
    served.verified()


def test_each_way_to_send_the_same_event_has_the_same_content(served: Served) -> None:
    one = json.dumps(event("ways"), indent=1).encode()
    assert served.receipt(one, JSON)["accepted"] == 1
    ways = [
        (one, "application/cloudevents+json; charset=utf-8"),
        (b"[" + one + b"]", JSON),
        (b" [" + one + b"\n]", "application/cloudevents-batch+json"),
        (ndjson([event("ways")]), NDJSON),
        (json.dumps(event("ways")).encode(), "application/jsonl"),
        (b"\xef\xbb\xbf" + one, JSON),
    ]
    for body, kind in ways:
        receipt = served.receipt(body, kind)
        assert (receipt["received"], receipt["duplicate"]) == (1, 1), kind
        packed = served.receipt(gzip.compress(body), kind, content_encoding="gzip")
        assert packed["duplicate"] == 1, kind
    names = ("specversion", "id", "source", "type", "subject", "time")
    headers = {f"ce_{name}": str(event("ways")[name]) for name in names}
    binary = served.receipt(b'{"tokens": 1.0}', JSON, **headers, ce_traceparent="00-ab")
    assert binary["duplicate"] == 1


def test_a_receipt_tells_the_fate_of_each_item(served: Served) -> None:
    first = served.receipt(ndjson([event("fate-0"), event("fate-1")]))
    assert first["not_accepted"] == []
    items = [event("fate-1"), event("fate-2"), event("fate-0", 9), {"no": "event"}, event("fate-2")]
    second = served.receipt(json.dumps(items).encode(), JSON)
    assert (second["accepted"], second["duplicate"], second["conflict"], second["quarantined"]) == (
        1,
        2,
        1,
        1,
    )
    lost = {item["index"]: item for item in second["not_accepted"]}
    before, now = first["batch"], second["batch"]
    assert lost[0]["verdict"] == lost[4]["verdict"] == "duplicate"
    assert lost[0]["original"].startswith(f"b{before}.") and lost[4]["original"].startswith(f"b{now}.")
    assert (lost[2]["verdict"], lost[2]["reason"]) == ("conflict", "identity-conflict")
    assert lost[2]["original"].startswith(f"b{before}.")
    assert (lost[3]["verdict"], lost[3]["reason"]) == ("quarantined", "source-malformed")
    with served.home() as home:
        kept = {str(item.position): item for item in home.log.quarantine(reason=None, limit=10_000)}
        for index in (2, 3):
            item = kept[lost[index]["item"]]
            assert item.line == index + 1
            assert item.origin.startswith("http ")
            raw = home.log.quarantined(item.position)
            assert raw is not None and json.loads(raw.raw) == items[index]


@pytest.mark.parametrize(
    ("body", "kind", "reasons"),
    [
        (b'[{"id":1},,5]', JSON, ["source-malformed", "not-json", "not-an-object"]),
        (b'[{"id":"a"', JSON, ["truncated"]),
        (b"[5] trailing", JSON, ["not-an-object", "not-json"]),
        (b'["a\nb"]', JSON, ["not-json"]),
        (b"\xff\xfe\n\n{}\n", NDJSON, ["not-utf8", "source-malformed"]),
        (b"[1]", "application/cloudevents+json", ["not-an-object"]),
        (b"[" * 9000, JSON, ["truncated"]),
        (b"[" * 50 + b"]" * 50, JSON, ["nesting-too-deep"]),
    ],
)
def test_items_that_cannot_be_decoded_are_quarantined_one_by_one(
    served: Served, body: bytes, kind: str, reasons: list[str]
) -> None:
    receipt = served.receipt(body, kind)
    assert [item["reason"] for item in receipt["not_accepted"]] == reasons
    assert [item["index"] for item in receipt["not_accepted"]] == list(range(len(reasons)))


def test_binary_mode_refuses_what_its_body_smuggles_in(served: Served) -> None:
    headers = {"ce_id": "smuggled", "ce_source": "gateway", "ce_type": "api.call", "ce_subject": "team-1"}
    headers["ce_time"] = "2026-02-14T12:00:00Z"
    receipt = served.receipt(b'{"tokens":1},"traceparent":"x"', JSON, **headers)
    assert [item["reason"] for item in receipt["not_accepted"]] == ["not-json"]
    assert served.receipt(b'{"tokens":1}', JSON, **headers)["accepted"] == 1
    percent = served.receipt(b'{"tokens":1}', JSON, **{**headers, "ce_id": "smug%67led"})
    assert percent["duplicate"] == 1, "header values are percent-encoded"


def test_an_item_of_a_foreign_source_is_quarantined_and_the_others_are_accepted(served: Served) -> None:
    key_id, token = served.key("own", "team-*")
    items = [event("s1", source="own"), event("s2", source="gateway"), event("s3", source="team-9")]
    broken = {**event("s4", source="gateway"), "time": None}
    receipt = served.receipt(ndjson([*items, broken]), token=token)
    assert receipt["accepted"] == 2
    assert [(item["index"], item["reason"]) for item in receipt["not_accepted"]] == [
        (1, "source-forbidden"),
        (3, "source-forbidden"),
    ]
    with served.home() as home:
        kept = [
            item for item in home.log.quarantine(reason=None, limit=10_000) if item.origin.endswith(key_id)
        ]
        assert {(item.source, item.event_id) for item in kept} == {("unknown", "s2"), ("unknown", "s4")}
    assert served.receipt(ndjson([event("s2")]))["accepted"] == 1, "its own sender can still send it"


def test_the_same_idempotency_key_and_body_get_the_same_receipt_and_nothing_is_received(
    served: Served,
) -> None:
    body = ndjson([event("i1"), event("i2"), {}])
    first = served.post(body, Idempotency_Key="retry-1")
    tallied = received(served)
    for again in (
        served.post(body, Idempotency_Key="retry-1"),
        served.post(gzip.compress(body), Idempotency_Key="retry-1", content_encoding="gzip"),
    ):
        assert again.status_code == 200
        assert again.content == first.content
        assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    other = served.post(ndjson([event("i3")]), Idempotency_Key="retry-1")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency-clash")
    assert received(served) == tallied
    _, token = served.key("gateway")
    assert served.receipt(body, token=token, Idempotency_Key="retry-1")["duplicate"] == 2, "another key's"


def test_of_one_key_sent_many_times_at_once_one_is_received(served: Served) -> None:
    tallied = received(served)
    body = ndjson([event(f"many-{number}") for number in range(20)])
    answers: list[httpx.Response] = []

    def send() -> None:
        answers.append(served.post(body, Idempotency_Key="at-once"))

    threads = [threading.Thread(target=send) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert received(served) == tallied + 20


def received(served: Served) -> int:
    with served.home() as home:
        return sum(tally.items for tally in home.log.tallies())


def test_an_answer_is_written_in_one_piece(served: Served) -> None:
    body = ndjson([event("piece")])
    head = (
        f"POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {served.token}\r\n"
        f"content-type: {NDJSON}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    with served.connection() as connection:
        for _ in range(5):
            connection.sendall(head.encode() + body)
            answer = connection.recv(65_536)
            assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"}")


def test_a_catalog_that_is_applied_is_in_force_within_a_second_or_so(served: Served) -> None:
    from tieout.flows.apply_catalog import apply_catalog

    unknown = served.receipt(ndjson([event("cat", type="new.call")]))
    assert unknown["not_accepted"][0]["reason"] == "unknown-type"
    more = served.folder.parent / "more.toml"
    more.write_text(
        '[[event]]\ntype = "new.call"\nversion = 1\neffective_from = 2020-01-01T00:00:00Z\n'
        'description = "New."\n[event.fields.tokens]\ntype = "integer"\nuse = "billing"\n'
    )
    with served.home() as home:
        apply_catalog(home, more)
    import time

    time.sleep(0.7)
    assert served.receipt(ndjson([event("cat", type="new.call")]))["accepted"] == 1
