"""Blocks of generated events, made as columns of bytes: a hundred times cheaper than reading them costs.

Block n is the same whenever it is made, so that an event can be sent again and a build taken up where it
stopped. The lines are those of `bench.events`; ids are random UUIDs (version 4), unique over all blocks;
25,000 customers, few of them busy and many quiet; times go through a quarter as the blocks do, each up to
an hour late.
"""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from bench.events import MODELS

Octets = npt.NDArray[np.uint8]

ROWS = 34_800
"""Lines of a block: the 8 MiB that a file is read in."""
CUSTOMERS = 25_000
"""As many as there are unless told otherwise; up to 100,000 fit the line."""
FIRST_DAY = date(2026, 1, 1)
DAYS = 90
LATE_SECONDS_MAX = 3_600
_DAY_SECONDS = 86_400
_LINE = (
    b'{"specversion":"1.0","id":"00000000-0000-4000-8000-000000000000","source":"gateway-1"'
    b',"type":"llm.request","subject":"customer-00000","time":"2026-01-01T00:00:00.000000Z"'
    b',"data":{"model":"MMMMMMMMM","input_tokens":0000,"output_tokens":000}}\n'
)
LINE_BYTES = len(_LINE)


def _table(texts: list[str]) -> Octets:
    return np.array([list(text.encode("ascii")) for text in texts], dtype=np.uint8)


_HEX = _table([f"{octet:02x}" for octet in range(256)])
_TWO = _table([f"{number:02}" for number in range(100)])
_MODELS = _table(list(MODELS))
_PLACE = {
    name: _LINE.index(mark) + skip
    for name, mark, skip in (
        ("id", b'"id":"', 6),
        ("source", b"gateway-", 8),
        ("subject", b"customer-", 9),
        ("time", b'"time":"', 8),
        ("model", b'"model":"', 9),
        ("input", b'"input_tokens":', 15),
        ("output", b'"output_tokens":', 16),
    )
}
_UUID_DASHES = (0, 4, 6, 8, 10, 16)
"""The octets of a UUID between which a dash stands."""


def block(
    number: int, *, blocks: int, seed: int, rows: int = ROWS, customers: int = CUSTOMERS, days: int = DAYS
) -> Octets:
    """The lines of one of `blocks` blocks, numbered from 0, which go through `days`: (rows, LINE_BYTES)."""
    assert 0 <= number < blocks
    chance = np.random.default_rng([seed, number])
    lines = np.tile(np.frombuffer(_LINE, dtype=np.uint8), (rows, 1))
    _put_ids(lines, chance.integers(0, 256, size=(rows, 16), dtype=np.uint8))
    lines[:, _PLACE["source"]] = ord("1") + chance.integers(0, 4, size=rows)
    subjects = (customers * chance.random(rows) ** 2).astype(np.int64)
    _put_digits(lines, _PLACE["subject"], subjects, digits=5)
    _put_times(lines, _micros(number, blocks, rows, chance, days=days))
    models = _MODELS[chance.integers(0, len(MODELS), size=rows)]
    lines[:, _PLACE["model"] : _PLACE["model"] + models.shape[1]] = models
    _put_digits(lines, _PLACE["input"], chance.integers(1_000, 10_000, size=rows), digits=4)
    _put_digits(lines, _PLACE["output"], chance.integers(100, 1_000, size=rows), digits=3)
    return lines


def _micros(
    number: int, blocks: int, rows: int, chance: np.random.Generator, *, days: int
) -> npt.NDArray[np.int64]:
    """Microseconds since the first day began."""
    span = days * _DAY_SECONDS * 1_000_000
    sent = (number * rows + np.arange(rows, dtype=np.float64)) / (blocks * rows) * span
    late = chance.random(rows) ** 8 * LATE_SECONDS_MAX * 1_000_000
    return np.maximum(sent - late, 0).astype(np.int64)


def _put_ids(lines: Octets, octets: Octets) -> None:
    octets[:, 6] = octets[:, 6] & 0x0F | 0x40
    octets[:, 8] = octets[:, 8] & 0x3F | 0x80
    texts = _HEX[octets].reshape(len(lines), 32)
    place = _PLACE["id"]
    for start, stop in pairwise(_UUID_DASHES):
        lines[:, place : place + 2 * (stop - start)] = texts[:, 2 * start : 2 * stop]
        place += 2 * (stop - start) + 1


def _put_digits(lines: Octets, place: int, numbers: npt.NDArray[np.int64], *, digits: int) -> None:
    for digit in range(digits):
        lines[:, place + digits - 1 - digit] = ord("0") + numbers // 10**digit % 10


def _put_times(lines: Octets, micros: npt.NDArray[np.int64]) -> None:
    days = _table([(FIRST_DAY + timedelta(days=day)).isoformat() for day in range(DAYS)])
    seconds, fraction = np.divmod(micros, 1_000_000)
    day, second = np.divmod(seconds, _DAY_SECONDS)
    place = _PLACE["time"]
    lines[:, place : place + 10] = days[day]
    for offset, two in ((11, second // 3_600), (14, second // 60 % 60), (17, second % 60)):
        lines[:, place + offset : place + offset + 2] = _TWO[two]
    _put_digits(lines, place + 20, fraction, digits=6)
