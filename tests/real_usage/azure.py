"""An hour of an LLM service: every request billed to `azure-code`, and every third also to `azure-review`.

The trace has no customers, identities, retries or late data. Added, by row number: each fourth batch is sent
twice; another is repeated under its idempotency key; some rows come again with another count; some cannot be
read. `azure-review`, which changes its plan within the hour, sends its last ten minutes in December, when
November was billed already. What `azure-code` is billed for is exactly what the file holds.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path

from tests.real_usage import documents
from tests.real_usage.folder import SetFolder, differing, with_tier
from tests.real_usage.instants import SECOND, at
from tests.real_usage.money import Price, Tier
from tests.real_usage.world import Customer, Event, Meter, Phase, World

FILE = "azure_llm_code_2023.csv.gz"
ROWS = 8_819
BATCH = 500
SINCE = at("2023-11-01T00:00:00Z")
UNTIL = at("2024-01-01T00:00:00Z")
CHANGE = at("2023-11-16T18:45:00Z")
LATE_FROM = at("2023-11-16T19:04:00Z")
CLOSES = ("2023-12-02T12:00:00Z", "2024-01-02T12:00:00Z")

PRICES = (
    Price(
        "context-tokens-usd",
        "Context tokens",
        "graduated",
        (Tier("5000000", "3.00"), Tier("15000000", "2.50"), Tier(None, "2.00")),
        meter="context-tokens",
        per="1000000",
    ),
    Price(
        "generated-tokens-usd",
        "Generated tokens",
        "graduated",
        (Tier("100000", "15.00"), Tier(None, "12.00")),
        meter="generated-tokens",
        per="1000000",
    ),
    Price(
        "review-context-usd",
        "Context tokens, reviewed",
        "volume",
        (Tier("2000000", "4.00"), Tier(None, "3.25")),
        meter="context-tokens",
        per="1000000",
    ),
    Price("review-fee-usd", "Monthly fee", "flat", (Tier(None, "100.00"),)),
    Price("review-plus-fee-usd", "Monthly fee, plus", "flat", (Tier(None, "250.00"),)),
)
CHANGED = ("context-tokens-usd", 2, "1.90")
"""The tier that the candidate changes: the last of the context tokens."""
METERS = (
    Meter("context-tokens", "tokens", field="context_tokens"),
    Meter("generated-tokens", "tokens", field="generated_tokens"),
)
CODE = Customer(
    "azure-code",
    "UTC",
    (Phase(SINCE, at("2023-12-01T00:00:00Z"), "tokens", ("context-tokens-usd", "generated-tokens-usd")),),
)
REVIEW = Customer(
    "azure-review",
    "UTC",
    (
        Phase(SINCE, CHANGE, "review", ("review-fee-usd", "review-context-usd")),
        Phase(
            CHANGE,
            UNTIL,
            "review-plus",
            ("review-plus-fee-usd", "review-context-usd", "generated-tokens-usd"),
        ),
    ),
)
SUBJECTS = {"code-trace": CODE.key, "review-trace": REVIEW.key}
CONTRACT = """[[event]]
type = "llm.inference"
version = 1
effective_from = 2023-11-01T00:00:00Z
description = "One inference request: tokens read from the context and tokens generated."

[event.fields.context_tokens]
type = "integer"
use = "billing"
minimum = "0"

[event.fields.generated_tokens]
type = "integer"
use = "billing"
minimum = "0"
"""


def build(data: Path, *, every: int = 1) -> SetFolder:
    """The set, and its candidate. `every`: only each so-manieth row, from the first on."""
    prices = {price.key: price for price in PRICES}
    found = _build(data, every, prices)
    other = _build(data, every, with_tier(prices, *CHANGED))
    found.candidate = {"catalog.toml": other.files["catalog/catalog.toml"]}
    found.changed = differing(found.world, other.world)
    return found


def _build(data: Path, every: int, prices: dict[str, Price]) -> SetFolder:
    world = World(
        prices, {each.key: each for each in METERS}, {each.key: each for each in (CODE, REVIEW)}, SUBJECTS
    )
    made = SetFolder("azure", world)
    made.files["catalog/catalog.toml"] = _catalog(prices).encode()
    made.files["policy/policy.toml"] = documents.policy(SINCE, {}).encode()
    made.call(SINCE, "catalog", documents="catalog")
    made.call(SINCE, "propose", policy="policy/policy.toml")
    made.call(SINCE, "rehearse")
    late: list[tuple[str, Event | None]] = []
    for number, batch in enumerate(_batches(data, every)):
        _send(made, number, batch, late)
    made.close(at(CLOSES[0]))
    made.send(at("2023-12-05T09:00:00Z"), "late", late)
    made.send(at("2023-12-05T09:10:00Z"), "late-again", late[::5])  # some replies were lost
    made.correct(at("2023-12-06T09:00:00Z"))
    made.close(at(CLOSES[1]))
    return made


def _send(
    made: SetFolder,
    number: int,
    batch: list[tuple[int, int, str, int, int]],
    late: list[tuple[str, Event | None]],
) -> None:
    """One request of many rows, what follows it, and a look at the alerts."""
    name, now = f"{number:04}", batch[-1][1] + 2 * SECOND
    items: list[tuple[str, Event | None]] = []
    again: list[tuple[str, Event | None]] = []
    for row, time, stamp, context, generated in batch:
        items.append(_item(f"row-{row:05}", "code-trace", time, stamp, context, generated))
        if row % 3 == 0:
            reviewed = _item(f"review-{row:05}", "review-trace", time, stamp, context, generated)
            (late if time >= LATE_FROM else items).append(reviewed)
        if row % 400 == 0:  # the same identity says something else: kept and shown, never billed
            again.append(_item(f"row-{row:05}", "code-trace", time, stamp, context, generated + 1))
        if row % 1_000 == 0:
            again.append(_unreadable(f"broken-{row:05}", stamp))
    made.send(now, name, items, idempotency_key=f"batch-{name}")
    if number % 4 == 1:
        made.send(now + SECOND, name, items)
    if number % 4 == 3:
        made.send_again(now + SECOND, name, f"batch-{name}")
    if again:
        made.send(now + 2 * SECOND, f"{name}-again", again)
    made.call(now + 3 * SECOND, "look")


def _batches(data: Path, every: int) -> Iterator[list[tuple[int, int, str, int, int]]]:
    """Row number from 1, time, its text, context and generated tokens; as the file has them."""
    with gzip.open(data / FILE, "rb") as file:
        table = list(csv.DictReader(io.TextIOWrapper(file, "ascii", newline="")))
    found = []
    for number, row in enumerate(table, 1):
        stamp = row["TIMESTAMP"].replace(" ", "T") + "Z"
        floored = stamp[:-2] + "Z"  # seven fractional digits; the last is floored away
        found.append((number, at(floored), stamp, int(row["ContextTokens"]), int(row["GeneratedTokens"])))
    chosen = found[::every]
    for start in range(0, len(chosen), BATCH):
        yield chosen[start : start + BATCH]


def _item(id: str, subject: str, time: int, stamp: str, context: int, generated: int) -> tuple[str, Event]:
    fields = {"context_tokens": str(context), "generated_tokens": str(generated)}
    event = Event("azure", id, subject, time, tuple(sorted(fields.items())))
    data = {"context_tokens": context, "generated_tokens": generated}
    said = {"specversion": "1.0", "source": "azure", "id": id, "type": "llm.inference"}
    return json.dumps({**said, "subject": subject, "time": stamp, "data": data}), event


def _unreadable(id: str, stamp: str) -> tuple[str, None]:
    data = {"context_tokens": -1, "generated_tokens": 0}
    said = {"specversion": "1.0", "source": "azure", "id": id, "type": "llm.inference"}
    return json.dumps({**said, "subject": "code-trace", "time": stamp, "data": data}), None


def _catalog(prices: dict[str, Price]) -> str:
    return "\n".join(
        [
            CONTRACT,
            documents.seller(SINCE, "AZ"),
            documents.meters(METERS, "llm.inference", SINCE),
            documents.prices(prices.values(), SINCE),
            documents.plans((CODE, REVIEW), SINCE),
            documents.customers((CODE, REVIEW), SUBJECTS, SINCE),
            documents.alert("much-context", "context-tokens", "tokens", "10000000", SINCE),
        ]
    )
