"""Which place a home's segments are at: the one it was given first, for ever.

The log remembers the place. A process that is told none finds it there; one that is told another is refused,
since it would read a log with holes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, delete, func, insert, select

from tieout.kernel.errors import ConflictError, Refusal
from tieout.ports import SegmentFiles
from tieout.store.log import schema
from tieout.store.log.segments.cache import CACHE_BYTES_MAX, SegmentCache
from tieout.store.log.segments.local import LocalSegments
from tieout.store.log.segments.remote import RemoteSegments
from tieout.store.sqlite import begin_immediate

LOCAL_FOLDER: Final = "segments"
CACHE_FOLDER: Final = "segments-cache"
META_NAME: Final = "segments_url"
URL: Final = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.*'()/=-]*)?\Z")


class MalformedSegmentsUrl(Refusal):
    """The URL names no bucket that we could use."""

    code = "malformed-segments-url"

    def __init__(self, url: str) -> None:
        super().__init__(f"TIEOUT_SEGMENTS_URL: {url!r} is not of the form s3://bucket or s3://bucket/prefix")


class SegmentsElsewhere(ConflictError):
    """The home's segments are at another place than the one that was named now."""

    code = "segments-elsewhere"

    def __init__(self, known: str, asked: str) -> None:
        super().__init__(
            f"the segments of this home are at {known}, and TIEOUT_SEGMENTS_URL names {asked}; unset it, or "
            "name the place where they are"
        )


@dataclass(frozen=True, slots=True)
class SegmentsPlace:
    """What a process was told about segments: `url` None is the home's own folder, or where they already are.

    `endpoint` and `region` are those of the S3 service; `cache_bytes_max` bounds the local copies.
    """

    url: str | None = None
    endpoint: str | None = None
    region: str | None = None
    cache_bytes_max: int = CACHE_BYTES_MAX


def open_segments(engine: Engine, folder: Path, place: SegmentsPlace) -> SegmentFiles:
    """The files of the home in `folder`. Raises `MalformedSegmentsUrl` or `SegmentsElsewhere`."""
    url = _settled(engine, folder, place.url.rstrip("/") if place.url else None)
    if url is None:
        return LocalSegments(folder / LOCAL_FOLDER)
    cache = SegmentCache(folder / CACHE_FOLDER, bytes_max=place.cache_bytes_max)
    return RemoteSegments(url, cache=cache, endpoint=place.endpoint, region=place.region)


def _settled(engine: Engine, folder: Path, asked: str | None) -> str | None:
    if asked is not None and not URL.match(asked):
        raise MalformedSegmentsUrl(asked)
    meta, segments = schema.meta, schema.segments
    with engine.connect() as connection:
        stored = connection.execute(select(meta.c.value).where(meta.c.name == META_NAME)).scalar()
        known = None if stored is None else bytes(stored).decode()
        if asked is None or asked == known:
            return known
        count = connection.execute(select(func.count()).select_from(segments)).scalar_one()
    if count:
        raise SegmentsElsewhere(known or str(folder / LOCAL_FOLDER), asked)
    with begin_immediate(engine) as connection:
        connection.execute(delete(meta).where(meta.c.name == META_NAME))
        connection.execute(insert(meta).values(name=META_NAME, value=asked.encode()))
    return asked
