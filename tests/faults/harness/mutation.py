"""Bytes that were good and are not quite any more: the old way of finding what a decoder did not expect."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

PIECES = (
    *(b"", b"\x00", b"\n", b"\r\n", b"\r", b'"', b"\\", b",", b":", b"{", b"}", b"[", b"]", b" ", b"\t"),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x80\xae"),
    *(b"null", b"true", b"NaN", b"-Infinity", b"1e999999999", b"-0", b"0.0000000000001", b"1" * 5_000),
    *(b"\\u0000", b"\\ud800", b"\\udc00\\ud800", b'"id":"x",', b"[" * 1_100, b'{"a":' * 1_100),
    *(b"9999-12-31T23:59:60Z", b"0000-00-00T00:00:00Z", b"2026-02-29T24:00:00+99:99", b"\xd9\xa3"),
    *(b"\x1f\x8b\x08\x00", b'""', b"a" * 70_000),
)
"""What decoders of text trip over."""

Change = Callable[[random.Random, bytearray], None]


def mutated(generator: random.Random, seeds: Sequence[bytes]) -> bytes:
    """One of the seeds after one to five changes; each generator always makes the same ones."""
    content = bytearray(generator.choice(seeds))
    for _ in range(generator.randint(1, 5)):
        generator.choice(CHANGES)(generator, content)
    return bytes(content)


def _flip(generator: random.Random, content: bytearray) -> None:
    if content:
        content[generator.randrange(len(content))] ^= 1 << generator.randrange(8)


def _replace(generator: random.Random, content: bytearray) -> None:
    if content:
        content[generator.randrange(len(content))] = generator.randrange(256)


def _cut(generator: random.Random, content: bytearray) -> None:
    start, end = _span(generator, content)
    del content[start:end]


def _repeat(generator: random.Random, content: bytearray) -> None:
    start, end = _span(generator, content)
    content[end:end] = content[start:end] * generator.choice([1, 1, 2, 40])


def _move(generator: random.Random, content: bytearray) -> None:
    start, end = _span(generator, content)
    piece = bytes(content[start:end])
    del content[start:end]
    at = generator.randint(0, len(content))
    content[at:at] = piece


def _insert(generator: random.Random, content: bytearray) -> None:
    at = generator.randint(0, len(content))
    content[at:at] = generator.choice(PIECES)


def _overwrite(generator: random.Random, content: bytearray) -> None:
    start, end = _span(generator, content)
    content[start:end] = generator.choice(PIECES)


def _truncate(generator: random.Random, content: bytearray) -> None:
    del content[generator.randint(0, len(content)) :]


def _span(generator: random.Random, content: bytearray) -> tuple[int, int]:
    start = generator.randint(0, len(content))
    return start, min(len(content), start + generator.choice([1, 2, 4, 8, 32, 200]))


CHANGES: tuple[Change, ...] = (_flip, _replace, _cut, _repeat, _move, _insert, _insert, _overwrite, _truncate)
