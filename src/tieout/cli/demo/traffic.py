"""GENERATED traffic of an invented LLM gateway, the same for one seed, with what real senders do to a bill.

Nothing here was measured. 25 customers send requests and daily storage samples from January to March 2026,
in six files cut by arrival. Among them: retries, a lost reply (a whole chunk sent again), late and out-of-
order events, events that arrive after their month was closed, a reused id with other content, lines that
are no valid event, a file cut off in the middle of its last line, staging traffic, and a key that belongs
to no customer.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from random import Random

from tieout.cli.demo.broken_lines import broken_lines
from tieout.cli.demo.customers import DemoCustomer, demo_customers
from tieout.kernel.instant import Instant, format_instant, parse_instant

SECOND = 1_000_000
DAY = 86_400 * SECOND

TRAFFIC_START = parse_instant("2026-01-01T00:00:00Z")
TRAFFIC_END = parse_instant("2026-04-01T12:00:00Z")
RECEIVED_AT: tuple[Instant, ...] = tuple(
    parse_instant(f"2026-{day}T00:00:00Z") for day in ("01-17", "02-02", "02-16", "03-02", "03-17", "04-02")
)
"""Each file holds what arrived before this instant and was not in an earlier file."""

LATE: tuple[tuple[Instant, Instant], ...] = (
    (parse_instant("2026-01-20T00:00:00Z"), parse_instant("2026-02-05T00:00:00Z")),
    (parse_instant("2026-02-20T00:00:00Z"), parse_instant("2026-03-05T00:00:00Z")),
)
"""A queue that was stuck: events of these days arrive from that instant on, after their month was closed."""

CHUNK_LINES = 500
CONFLICTS_COUNT = 12
TRUNCATED_FILE = 3
LOST_REPLY_FILE = 1
SOURCES = ("gateway/us-east", "gateway/eu-west", "gateway/ap-south")
TRIAL_KEY = "key-trial-7f3a"


class Kind(Enum):
    """What a line must become when its file is read for the first time."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True, order=True)
class Sending:
    """One line on its way: when it arrives, in which order it was sent, and what must become of it."""

    arrival: int
    ordinal: int
    text: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class TrafficFile:
    """One file of the demo: when it is received, and the verdicts it must get on first reading."""

    path: Path
    received_at: Instant
    expected: dict[Kind, int]


def write_traffic(folder: Path, *, events_count: int, seed: int) -> tuple[TrafficFile, ...]:
    """Write six NDJSON files holding `events_count` distinct valid events plus what senders add to them."""
    rng = Random(seed)  # noqa: S311 - generated traffic, not a secret
    sendings = _storage_samples(rng, every_days=1 if events_count >= 50_000 else 14)
    sendings += _requests(rng, events_count - len(sendings))
    sendings += _retries(rng, sendings) + _reused_ids(rng, sendings) + _broken(rng)
    sendings.sort()
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    position = 0
    for number, received_at in enumerate(RECEIVED_AT):
        chosen = []
        while position < len(sendings) and sendings[position].arrival < received_at:
            chosen.append(sendings[position])
            position += 1
        written.append(_write_file(folder, number, chosen))
    assert position == len(sendings), "every line belongs to a file"
    return tuple(written)


def _write_file(folder: Path, number: int, sendings: list[Sending]) -> TrafficFile:
    if number == LOST_REPLY_FILE:
        sendings = _with_chunk_sent_again(sendings)
    expected = Counter(sending.kind for sending in sendings)
    text = "".join(sending.text + "\n" for sending in sendings)
    if number == TRUNCATED_FILE:
        whole = _request_line("cut-off", SOURCES[0], "key-alder-1", RECEIVED_AT[number] - DAY, Random(number))  # noqa: S311
        text += whole[: len(whole) // 2]
        expected[Kind.QUARANTINED] += 1
    received_at = RECEIVED_AT[number]
    path = folder / f"gateway-{number + 1}-until-{format_instant(received_at)[:10]}.ndjson"
    path.write_text(text, encoding="utf-8")
    return TrafficFile(path, received_at, {kind: expected[kind] for kind in Kind})


def _with_chunk_sent_again(sendings: list[Sending]) -> list[Sending]:
    """The sender never saw the reply to a chunk in mid-file, so it sends the whole chunk again."""
    middle = len(sendings) // 2
    chunk = sendings[middle : middle + CHUNK_LINES]
    again = [
        Sending(
            sent.arrival, sent.ordinal, sent.text, Kind.DUPLICATE if sent.kind is Kind.ACCEPTED else sent.kind
        )
        for sent in chunk
    ]
    return sendings[:middle] + chunk + again + sendings[middle + CHUNK_LINES :]


def _requests(rng: Random, count: int) -> list[Sending]:
    subjects = _weighted_subjects(demo_customers())
    late_every = max(count // 200, 1)
    sendings = []
    span = TRAFFIC_END - TRAFFIC_START
    for ordinal in range(count):
        time = TRAFFIC_START + rng.randrange(span)
        if rng.random() < 0.3:  # traffic grows over the quarter
            time = max(time, TRAFFIC_START + rng.randrange(span))
        arrival = time + _delay(rng)
        if ordinal % late_every == 0:
            day, arrives_from = LATE[(ordinal // late_every) % len(LATE)]
            time = Instant(day + rng.randrange(5 * DAY))
            arrival = arrives_from + rng.randrange(5 * DAY)
        subject = TRIAL_KEY if rng.random() < 0.002 else subjects[int(rng.random() * len(subjects))]
        source = SOURCES[hash_of(subject) % len(SOURCES)]
        line = _request_line(f"req-{rng.getrandbits(64):016x}", source, subject, time, rng)
        sendings.append(Sending(arrival, ordinal, line, Kind.ACCEPTED))
    return sendings


def _request_line(event_id: str, source: str, subject: str, time: int, rng: Random) -> str:
    draw = rng.random()
    model = "large" if draw < 0.35 else "small" if draw < 0.85 else "embed"
    read = min(int(rng.lognormvariate(6.6, 1.0)) + 1, 99_999)
    wrote = 0 if model == "embed" else int(rng.lognormvariate(5.3, 0.9)) + 1
    status = "error" if rng.random() < 0.015 else "ok"
    environment = "staging" if rng.random() < 0.04 else "production"
    return (
        f'{{"specversion":"1.0","id":"{event_id}","source":"{source}","type":"llm.request","subject":"{subject}",'
        f'"time":"{_timestamp(time)}","data":{{"model":"{model}","input_tokens":{read},"output_tokens":{wrote},'
        f'"status":"{status}","environment":"{environment}","region":"{source[8:]}"}}}}'
    )


def _timestamp(time: int) -> str:
    """RFC 3339 with milliseconds, as gateways print them."""
    whole = format_instant(Instant(time - time % SECOND))
    return f"{whole[:-1]}.{time % SECOND // 1000:03d}Z"


def _storage_samples(rng: Random, *, every_days: int) -> list[Sending]:
    sendings = []
    for customer in demo_customers():
        stored = rng.randrange(2_000, 400_000)
        for day in range(0, 91, every_days):
            stored += rng.randrange(-300, 900)
            time = TRAFFIC_START + day * DAY + 43_200 * SECOND
            line = (
                f'{{"specversion":"1.0","id":"st-{customer.key}-{day:03d}","source":"storage-meter",'
                f'"type":"storage.sample","subject":"{customer.organisation}","time":"{_timestamp(time)}",'
                f'"data":{{"gigabytes":"{max(stored, 0) // 1000}.{max(stored, 0) % 1000:03d}"}}}}'
            )
            sendings.append(Sending(time + _delay(rng), day, line, Kind.ACCEPTED))
    return sendings


def _delay(rng: Random) -> int:
    """Most arrive within seconds; one in thirty is held up for up to two hours, and so is out of order."""
    return rng.randrange(7_200 if rng.random() < 0.03 else 5) * SECOND + SECOND


def _retries(rng: Random, sendings: list[Sending]) -> list[Sending]:
    return [
        Sending(sent.arrival + rng.randrange(1, 120) * SECOND, sent.ordinal, sent.text, Kind.DUPLICATE)
        for sent in rng.sample(sendings, len(sendings) // 100)
    ]


def _reused_ids(rng: Random, sendings: list[Sending]) -> list[Sending]:
    """A sender that counted its ids from one again: the same identity with other content."""
    requests = [sent for sent in sendings if '"input_tokens":' in sent.text]
    return [
        Sending(
            sent.arrival + 600 * SECOND,
            sent.ordinal,
            sent.text.replace('"input_tokens":', '"input_tokens":9'),
            Kind.CONFLICT,
        )
        for sent in rng.sample(requests, CONFLICTS_COUNT)
    ]


def _broken(rng: Random) -> list[Sending]:
    """Every kind of broken line three times, spread over the quarter."""
    last = RECEIVED_AT[-1] - TRAFFIC_START - 2 * DAY
    return [
        Sending(TRAFFIC_START + rng.randrange(last), ordinal, text, Kind.QUARANTINED)
        for ordinal, text in enumerate(broken_lines() * 3)
    ]


def _weighted_subjects(customers: tuple[DemoCustomer, ...]) -> list[str]:
    return [
        customer.api_keys[share % len(customer.api_keys)]
        for customer in customers
        for share in range(customer.weight)
    ]


def hash_of(text: str) -> int:
    """The same on every run, unlike `hash`."""
    return sum(text.encode())
