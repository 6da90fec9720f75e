"""Where the files of segments lie: the home's own folder, or a bucket that speaks the S3 API."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from tieout.kernel.errors import Unavailable


class SegmentsUnavailable(Unavailable):
    """The place where segments lie does not answer, or refuses. Nothing was changed there that counts."""

    code = "segments-unavailable"

    def __init__(self, place: str, doing: str, why: str) -> None:
        super().__init__(
            f"segments at {place} cannot be reached ({doing}: {why}); everything received stays stored. Try "
            "again when it answers"
        )


class SegmentFiles(Protocol):
    """Immutable files under names such as `llm.request/v1/000000000001-000000000058-3aa937e38de1.parquet`.

    What a `put` returned from is durable under its name; a name is never given to other bytes. Any number of
    processes may read; writers hold the lease on `lock`.
    """

    @property
    def place(self) -> str:
        """Where they are, as a person reads it; without secrets."""
        ...

    @property
    def lock(self) -> Path:
        """The local lock file of who writes, merges and collects."""
        ...

    def draft(self) -> Path:
        """A local path for a file that is still being written; `put` takes it from there."""
        ...

    def put(self, draft: Path, name: str) -> None:
        """Durable under `name` when it returns. The draft is synced already, and is gone afterwards."""
        ...

    def names(self) -> list[str]:
        """Every complete file that is there."""
        ...

    def delete(self, name: str) -> None:
        """A file that is gone already is no error."""
        ...

    def discard_drafts(self) -> list[str]:
        """Removes what a killed process wrote only in part, for who holds the lease; returns the names."""
        ...

    def local_path(self, name: str, *, bytes_count: int, sha256: bytes, distrust: bool = False) -> str:
        """A local file that holds the segment, for DuckDB and Parquet readers, at least for 15 minutes.

        A remote segment is fetched if it is not here yet, and is what was written or an error: raises
        `UnreadableSegment` (ports.events) or `SegmentsUnavailable`. With `distrust` a copy that is here is
        digested again, and fetched anew if it changed.
        """
        ...

    def stored(self, name: str) -> AbstractContextManager[Path]:
        """The durable bytes as they are now, never a cached copy, as a local file. `FileNotFoundError` where
        there are none.
        """
        ...
