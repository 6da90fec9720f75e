"""Usage measured and counted again at the same time: the engine's query runs outside of Python's lock."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tieout.aggregate.recount import Recount
from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.window import UsageRequest
from tieout.kernel.quantity import Unmeasurable
from tieout.ports import LogManifest, UsageEngine


def counted_twice(
    engine: UsageEngine, requests: Sequence[UsageRequest], manifest: LogManifest
) -> tuple[Sequence[Snapshot | Unmeasurable], Sequence[Recount]]:
    """What was measured and what was counted again, both in the order of the requests. No thread is left
    when it returns or raises: forks may follow."""
    with ThreadPoolExecutor(1) as pool:
        measured = pool.submit(engine.measure_each, requests, manifest)
        recounts = engine.recount(requests, manifest)
        return measured.result(), recounts
