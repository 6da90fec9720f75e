"""Segments in a bucket that speaks the S3 API, behind a cache of local copies.

Credentials come from the usual places of AWS tools: environment, profile, instance. A file is one object: it
is there whole or not at all, and durable when the service has answered. A name is never given to other
bytes, so nothing is ever overwritten.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from pyarrow import fs

from tieout.ports import SegmentsUnavailable
from tieout.store.log.segments.cache import SegmentCache
from tieout.store.log.segments.local import LOCK_NAME, SUFFIX, draft_in

CHUNK_BYTES: Final = 8 * 1024**2
CONNECT_SECONDS: Final = 5
REQUEST_SECONDS: Final = 30
ATTEMPTS: Final = 3
REGION_WITH_ENDPOINT: Final = "us-east-1"


class RemoteSegments:
    """The port `SegmentFiles` for `s3://bucket/prefix`. Connects when it is first used."""

    def __init__(
        self, url: str, *, cache: SegmentCache, endpoint: str | None = None, region: str | None = None
    ) -> None:
        self._url = url
        self._root = url.removeprefix("s3://").rstrip("/")
        self._cache = cache
        self._endpoint = endpoint
        self._region = region
        self._opened: fs.S3FileSystem | None = None

    @property
    def place(self) -> str:
        return self._url if self._endpoint is None else f"{self._url} ({self._endpoint})"

    @property
    def lock(self) -> Path:
        self._cache.folder.mkdir(parents=True, exist_ok=True)
        return self._cache.folder / LOCK_NAME

    def draft(self) -> Path:
        return draft_in(self._cache.folder)

    def put(self, draft: Path, name: str) -> None:
        expected = draft.stat().st_size
        with self._named("writing"):
            self._upload(draft, name)
            found = self._files.get_file_info(self._key(name))
        if found.type != fs.FileType.File or found.size != expected:
            raise SegmentsUnavailable(self.place, "writing", f"{name} did not arrive whole")
        self._cache.take(draft, name)

    def names(self) -> list[str]:
        with self._named("listing"):
            selector = fs.FileSelector(self._root, recursive=True, allow_not_found=True)
            found = self._files.get_file_info(selector)
        prefix = f"{self._root}/"
        return sorted(
            info.path.removeprefix(prefix)
            for info in found
            if info.type == fs.FileType.File and info.path.endswith(SUFFIX)
        )

    def delete(self, name: str) -> None:
        with self._named("deleting"):
            if self._files.get_file_info(self._key(name)).type == fs.FileType.File:
                self._files.delete_file(self._key(name))
        self._cache.forget(name)

    def discard_drafts(self) -> list[str]:
        return []  # drafts of readers lie in the same folder; the cache removes those that are old

    def local_path(self, name: str, *, bytes_count: int, sha256: bytes, distrust: bool = False) -> str:
        if distrust:
            self._cache.forget_changed(name, bytes_count=bytes_count, sha256=sha256)
        return str(self._cache.path(name, bytes_count=bytes_count, sha256=sha256, fetch=self._fetch))

    @contextmanager
    def stored(self, name: str) -> Iterator[Path]:
        draft = self.draft()
        try:
            self._fetch(name, draft)
            yield draft
        finally:
            draft.unlink(missing_ok=True)

    @property
    def _files(self) -> fs.S3FileSystem:
        if self._opened is None:
            options: dict[str, Any] = {
                "connect_timeout": CONNECT_SECONDS,
                "request_timeout": REQUEST_SECONDS,
                "retry_strategy": fs.AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS),
                "background_writes": False,
            }
            if self._endpoint is not None:
                scheme, _, host = self._endpoint.rpartition("://")
                options |= {"endpoint_override": host, "scheme": scheme or "https"}
            region = self._region or (REGION_WITH_ENDPOINT if self._endpoint is not None else None)
            if region is not None:
                options["region"] = region
            self._opened = fs.S3FileSystem(**options)
        return self._opened

    def _upload(self, draft: Path, name: str) -> None:
        with draft.open("rb") as file, self._files.open_output_stream(self._key(name)) as sink:
            while chunk := file.read(CHUNK_BYTES):
                sink.write(chunk)

    def _fetch(self, name: str, path: Path) -> None:
        with self._named("reading"):
            try:
                source = self._files.open_input_stream(self._key(name))
            except FileNotFoundError:
                raise
            with source, path.open("wb") as file:
                while chunk := source.read(CHUNK_BYTES):
                    file.write(chunk)

    def _key(self, name: str) -> str:
        return f"{self._root}/{name}"

    @contextmanager
    def _named(self, doing: str) -> Iterator[None]:
        """The service's failures as one line. That a file is missing, or our disk full, is none of them."""
        try:
            yield
        except FileNotFoundError:
            raise
        except (OSError, pa.ArrowException) as error:
            if isinstance(error, OSError) and error.errno is not None and "AWS" not in str(error):
                raise
            raise SegmentsUnavailable(self.place, doing, _short(error)) from error


def _short(error: Exception) -> str:
    """What the service said, without the client's long way of saying it."""
    said = str(error).splitlines()[0]
    place = said.find("AWS Error")
    return (said[place:] if place >= 0 else said).rstrip(". ")
