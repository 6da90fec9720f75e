"""Hostile and mistaken requests: a problem with a stable code each; nothing is received, nothing breaks."""

from __future__ import annotations

import gzip
import socket
import time
import zlib
from collections.abc import Iterator

import httpx
import pytest

from tests.surface.served import JSON, NDJSON, Served, event, eventually, make_served, ndjson
from tieout.api.limits import BODY_BYTES_MAX, HEADER_BYTES_MAX, TICK_SECONDS
from tieout.contract.api_key import KeyRole
from tieout.flows.api_keys import revoke_api_key
from tieout.kernel.limits import ITEM_BYTES_MAX, REQUEST_ITEMS_MAX

GOOD = ndjson([event("good")])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = make_served(tmp_path_factory.mktemp("refusals") / "home")
    served.start(workers=1)
    yield served
    assert served.stop() == 0
    assert "Traceback" not in "".join(served.told)


def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.json()) == {"type", "title", "status", "detail", "code"}
    assert answer.json()["status"] == status


@pytest.mark.parametrize(
    "authorization",
    [
        b"",
        b"Bearer",
        b"Bearer tieout-0000000000000000-" + b"0" * 64,
        "Bearer tieout-é-\U0001f511".encode(),
        b"Bearer \xff\xfe\x80",
        b"Basic dXNlcjpwYXNz",
        b"Bearer " + b"x" * 5_000,
    ],
)
def test_keys_that_are_none_are_refused_alike(served: Served, authorization: bytes) -> None:
    headers = {b"content-type": NDJSON.encode(), b"authorization": authorization}
    answer = httpx.post(f"{served.address}/v1/events", content=GOOD, headers=headers)
    refused(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_secret_of_another_key_is_refused(served: Served) -> None:
    _, other = served.key("gateway")
    mixed = f"{served.token.rpartition('-')[0]}-{other.rpartition('-')[2]}"
    refused(served.post(GOOD, token=mixed), 401, "unauthorized")


@pytest.mark.parametrize("role", [role for role in KeyRole if role not in (KeyRole.SOURCE, KeyRole.CUSTOMER)])
def test_keys_of_other_roles_may_not_send(served: Served, role: KeyRole) -> None:
    """A customer's key is asked in `test_http_usage.py`, where there are customers."""
    _, token = served.key(role=role.value)
    refused(served.post(GOOD, token=token), 403, "forbidden")


def test_a_revoked_key_is_refused_within_a_second(served: Served) -> None:
    key_id, token = served.key("gateway")
    assert served.post(GOOD, token=token).status_code == 200
    with served.home() as home:
        revoke_api_key(home, key_id)
    eventually(lambda: served.post(GOOD, token=token).status_code == 401, seconds=1)


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/xml",
        "multipart/form-data; boundary=x",
        "",
        "application/json; charset=utf-16",
    ],
)
def test_other_content_types_are_refused(served: Served, kind: str) -> None:
    answer = served.post(GOOD, kind)
    assert answer.status_code == 415, answer.text


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "gzi"])
def test_other_encodings_are_refused(served: Served, encoding: str) -> None:
    refused(served.post(GOOD, content_encoding=encoding), 415, "unknown-encoding")


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (b"", NDJSON, "no-items"),
        (b" \r\n\n\t", NDJSON, "no-items"),
        (b"", JSON, "no-items"),
        (b"[ ]", JSON, "no-items"),
        (b"{}", "application/cloudevents-batch+json", "not-an-array"),
    ],
)
def test_a_body_without_an_item_is_refused(served: Served, body: bytes, kind: str, code: str) -> None:
    refused(served.post(body, kind), 400, code)


def test_damaged_gzip_is_refused(served: Served) -> None:
    whole = gzip.compress(GOOD)
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    for packed in (GOOD, b"", whole[:-9], bytes(flipped), whole + b"garbage"):
        answer = served.post(packed, content_encoding="gzip")
        assert answer.status_code == 400, answer.text


def test_a_zip_bomb_is_refused_and_costs_little(served: Served) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(1_000)) + packer.flush()
    assert len(bomb) < 1_100_000
    before = memory_bytes(served)
    began = time.monotonic()
    refused(served.post(bomb, content_encoding="gzip"), 413, "body-too-large")
    assert time.monotonic() - began < 10
    assert memory_bytes(served) - before < 100_000_000


def memory_bytes(served: Served) -> int:
    with open(f"/proc/{served.workers()[0]}/statm") as file:
        return int(file.read().split()[1]) * 4096


def test_bodies_over_the_limit_are_refused_however_they_come(served: Served) -> None:
    large = b" " * BODY_BYTES_MAX + GOOD
    refused(served.post(large), 413, "body-too-large")
    pieces = (large[start : start + 100_000] for start in range(0, len(large), 100_000))
    headers = {"authorization": f"Bearer {served.token}", "content-type": NDJSON}
    chunked = httpx.post(f"{served.address}/v1/events", content=pieces, headers=headers, timeout=60)
    refused(chunked, 413, "body-too-large")


@pytest.mark.parametrize(
    "body",
    [
        b"{}\n" * (REQUEST_ITEMS_MAX + 1),
        b"[" + b"1," * REQUEST_ITEMS_MAX + b"1]",
        b"[" + b"1," * 3_000_000 + b"1]",
    ],
)
def test_too_many_items_are_refused(served: Served, body: bytes) -> None:
    kind = JSON if body.startswith(b"[") else NDJSON
    refused(served.post(body, kind), 413, "too-many-items")


def test_as_many_items_as_allowed_are_received(served: Served) -> None:
    body = ndjson([event(f"n{number}") for number in range(REQUEST_ITEMS_MAX)])
    assert served.receipt(body)["accepted"] == REQUEST_ITEMS_MAX


def test_one_item_too_long_is_quarantined_and_cut(served: Served) -> None:
    long = ndjson([event("long", subject="x" * ITEM_BYTES_MAX)])
    for body, kind in ((GOOD + long, NDJSON), (b"[" + long + b"]", JSON)):
        receipt = served.receipt(body, kind)
        item = receipt["not_accepted"][-1]
        assert item["reason"] == "too-large"
        with served.home() as home:
            kept = home.log.quarantined(
                next(
                    one.position
                    for one in home.log.quarantine(reason=None, limit=10_000)
                    if str(one.position) == item["item"]
                )
            )
            assert kept is not None and len(kept.raw) == ITEM_BYTES_MAX + 1


@pytest.mark.parametrize("key", ["", "x" * 256, "two words", "k\xe9y"])
def test_malformed_idempotency_keys_are_refused(served: Served, key: str) -> None:
    headers = {
        b"authorization": f"Bearer {served.token}".encode(),
        b"content-type": NDJSON.encode(),
        b"idempotency-key": key.encode("latin-1"),
    }
    answer = httpx.post(f"{served.address}/v1/events", content=GOOD, headers=headers)
    refused(answer, 400, "malformed-idempotency-key")


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/events/1", "/../etc/passwd"])
def test_what_is_not_there_is_a_problem(served: Served, path: str) -> None:
    refused(httpx.get(f"{served.address}{path}"), 404, "not-found")


def test_other_methods_are_a_problem(served: Served) -> None:
    for method in ("PUT", "DELETE", "PATCH"):
        refused(httpx.request(method, f"{served.address}/v1/events"), 405, "method-not-allowed")


def test_headers_without_end_are_cut_off(served: Served) -> None:
    with served.connection() as connection:
        connection.sendall(b"POST /v1/events HTTP/1.1\r\n")
        try:
            for number in range(HEADER_BYTES_MAX // 500):
                connection.sendall(b"x-%d: " % number + b"y" * 500 + b"\r\n")
        except ConnectionError:
            return  # it was cut off already
        assert all_of(connection).startswith(b"HTTP/1.1 431 ")


def test_what_is_not_http_is_refused(served: Served) -> None:
    for request in (
        b"\x16\x03\x01\x00\xa5",
        b"POST\r\n\r\n",
        b"POST /v1/events HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
    ):
        with served.connection() as connection:
            connection.sendall(request)
            assert all_of(connection).startswith(b"HTTP/1.1 400 ")


def all_of(connection: socket.socket) -> bytes:
    found = b""
    try:
        while piece := connection.recv(65_536):
            found += piece
    except ConnectionError:
        pass
    return found


def test_a_sender_that_stops_in_the_middle_stores_nothing(served: Served) -> None:
    body = ndjson([event("cut-off")])
    head = f"POST /v1/events HTTP/1.1\r\nauthorization: Bearer {served.token}\r\ncontent-type: {NDJSON}\r\n"
    with served.connection() as connection:
        connection.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body[:-5])
    with served.connection() as connection:
        connection.sendall(f"{head}transfer-encoding: chunked\r\n\r\n{len(body):x}\r\n".encode() + body)
    time.sleep(0.3)
    assert served.receipt(body)["accepted"] == 1


def test_refused_requests_are_counted_by_key_and_reason(served: Served) -> None:
    key_id, token = served.key("gateway")
    for _ in range(3):
        served.post(GOOD, "text/plain", token=token)
    served.post(GOOD, token="nothing")
    time.sleep(TICK_SECONDS + 0.5)
    with served.home() as home:
        refused = home.pipeline.refused_requests(since=None)
    counted = {(each.key_id, each.reason): each.requests for each in refused}
    assert counted[key_id, "unknown-content-type"] == 3
    assert counted["unknown", "unauthorized"] >= 1


def test_nothing_secret_is_said_or_stored(served: Served) -> None:
    secret = served.token.rpartition("-")[2].encode()
    for path in served.folder.rglob("*"):
        if path.is_file():
            assert secret not in path.read_bytes(), path
    assert secret.decode() not in "".join(served.told)
