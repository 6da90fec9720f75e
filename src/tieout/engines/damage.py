"""A segment that cannot be read is damage and is named, whichever engine came upon it first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import file_digest
from pathlib import Path

import duckdb
import pyarrow as pa

from tieout.ports import LogManifest, SegmentFile, UnreadableSegment


@contextmanager
def damage_named(manifest: LogManifest) -> Iterator[None]:
    """Raises `UnreadableSegment` for a reader's failure where a segment is gone or is not as it was written.

    Files are digested after a failure only; a failure with every segment whole is passed on as it is.
    """
    try:
        yield
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        for segment in manifest.segments:
            why = _damage(segment)
            if why is not None:
                raise UnreadableSegment(segment.path, why) from error
        raise


def _damage(segment: SegmentFile) -> str | None:
    try:
        with Path(segment.path).open("rb") as file:
            found = file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return str(error.strerror or error)
    if found == segment.sha256:
        return None
    return f"it has the SHA-256 {found} and was written with {segment.sha256}"
