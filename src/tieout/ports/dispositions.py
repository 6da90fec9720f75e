"""What the log says that it received, and what can be read back of it: the two sides of law L1."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from tieout.ingest.verdict import Verdict
from tieout.kernel.instant import Instant

COUNTS = pa.schema(
    [("batch", pa.int64()), ("source", pa.string()), ("hour", pa.int64()), ("verdict", pa.int32()),
     ("items", pa.int64())]
)  # fmt: skip
DUPLICATES = pa.schema(
    [("batch", pa.int64()), ("hour", pa.int64()), ("first_batch", pa.int64()), ("first_row", pa.int32())]
)
BATCHES = pa.schema(
    [("batch", pa.int64()), ("hour", pa.int64()), ("received", pa.int64()), ("refused", pa.int64())]
)


@dataclass(frozen=True, slots=True)
class Dispositions:
    """`received`: the counts that each commit kept (COUNTS). `kept`: quarantined items and conflicts, as they
    are stored (COUNTS). `duplicates`: each with the place of the event that it repeats (DUPLICATES).
    `batches`: how many items each received, and how many dispositions it stores of items not accepted
    (BATCHES). The hour is that of the batch.
    """

    received: pa.Table
    kept: pa.Table
    duplicates: pa.Table
    batches: pa.Table


@dataclass(frozen=True, slots=True)
class DispositionDifference:
    """Items that were received, as the commit counted them, and those that are stored; `source` and `verdict`
    None: all of the batch."""

    source: str | None
    hour: Instant
    batch: int
    verdict: Verdict | None
    received: int
    stored: int
