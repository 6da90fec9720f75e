"""All versions of one kind of record. A version is in force from its effective instant until the next
one's; one that supersedes a wrong one stands in its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from tieout.kernel.instant import Instant


class Versioned(Protocol):
    """What every record of a catalog has."""

    @property
    def key(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def effective_from(self) -> Instant: ...
    @property
    def digest(self) -> str: ...


R = TypeVar("R", bound=Versioned)


class Versions(Generic[R]):
    """Records by key, each key's in order of version. Iterating gives every version, by key and version."""

    __slots__ = ("_by_key", "_in_effect")

    def __init__(self, records: Iterable[R]) -> None:
        by_key: dict[str, list[R]] = {}
        for record in sorted(records, key=lambda record: (record.key, record.version)):
            by_key.setdefault(record.key, []).append(record)
        self._by_key = {key: tuple(versions) for key, versions in by_key.items()}
        self._in_effect = {key: _in_effect(versions) for key, versions in self._by_key.items()}

    def __iter__(self) -> Iterator[R]:
        return (record for versions in self._by_key.values() for record in versions)

    def __len__(self) -> int:
        return sum(len(versions) for versions in self._by_key.values())

    def __contains__(self, key: str) -> bool:
        return key in self._by_key

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key, sorted."""
        return tuple(self._by_key)

    def versions(self, key: str) -> tuple[R, ...]:
        """All versions of a key in order; empty for an unknown key."""
        return self._by_key.get(key, ())

    def version(self, key: str, version: int) -> R | None:
        """Exactly that version."""
        return next((record for record in self.versions(key) if record.version == version), None)

    def at(self, key: str, instant: Instant) -> R | None:
        """The version in force at that instant; None for an unknown key or before its first version."""
        return next(
            (record for record in reversed(self._in_effect.get(key, ())) if record.effective_from <= instant),
            None,
        )

    def latest(self, key: str) -> R | None:
        """The highest version, in force or not."""
        versions = self.versions(key)
        return versions[-1] if versions else None

    def during(self, key: str, start: Instant, end: Instant | None) -> tuple[R, ...]:
        """Versions in force at some instant of `[start, end)`, `end` None for ever."""
        versions = self.versions(key)
        return tuple(
            record
            for record in versions
            if (end is None or record.effective_from < end)
            and ((until := self.until(record)) is None or start < until)
        )

    def until(self, record: R) -> Instant | None:
        """When the next version takes over, or the one that supersedes it; None for the last."""
        versions = self._in_effect.get(record.key, ())
        place = next((place for place, each in enumerate(versions) if each.version == record.version), None)
        if place is None or place + 1 == len(versions):
            return None
        return versions[place + 1].effective_from


def _in_effect(versions: Sequence[R]) -> tuple[R, ...]:
    """In the order in which they take over: one that supersedes another stands right behind it, whatever
    came between the two."""
    found: list[R] = []
    for record in versions:
        superseded = getattr(record, "supersedes", None)
        place = next((place for place, each in enumerate(found) if each.version == superseded), None)
        found.insert(len(found) if place is None else place + 1, record)
    return tuple(found)
