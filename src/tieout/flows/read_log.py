"""Read the log as of a watermark, by segments that may be merged away meanwhile: then start again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from tieout.flows.home import Home
from tieout.kernel.ids import Watermark
from tieout.ports import LogManifest, UnreadableSegment

ATTEMPTS_MAX: Final = 4
Answer = TypeVar("Answer")


def read_log(
    home: Home, compute: Callable[[LogManifest], Answer], *, watermark: Watermark | None = None
) -> Answer:
    """What `compute` makes of the log as of `watermark`, or of now.

    Retired segments live for 15 minutes. Whoever reads longer may miss one: the log is asked again for the
    same watermark, which gives the same events in other files, and `compute` starts anew. A local copy of a
    remote segment that changed is fetched again. Raises `UnreadableSegment` for damage, which stays.
    """
    manifest, unchanged = home.log.manifest(watermark), False
    for _ in range(ATTEMPTS_MAX - 1):
        try:
            return compute(manifest)
        except UnreadableSegment:
            again = home.log.manifest(manifest.watermark, distrust=True)
            if unchanged and again.segments == manifest.segments:
                raise
            unchanged, manifest = again.segments == manifest.segments, again
    return compute(manifest)
