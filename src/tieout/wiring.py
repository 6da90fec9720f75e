"""The only place where ports meet stores, engines and gateways: a home is made and opened here.

`TIEOUT_DATABASE_URL` puts books and log into PostgreSQL (two schemas) instead of the two SQLite files.
`TIEOUT_SEGMENTS_URL=s3://bucket/prefix` puts segments into a bucket; the service is that of the usual AWS
variables (`AWS_ENDPOINT_URL`, `AWS_REGION`, credentials); `TIEOUT_SEGMENTS_CACHE_BYTES` bounds copies here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tieout.contract.document import Document, DocumentKind
from tieout.engines.embedded import EmbeddedEngine
from tieout.flows.home import Home
from tieout.gateways.clock import SteppedClock, SystemClock
from tieout.gateways.entropy import ForetoldEntropy, SystemEntropy
from tieout.gateways.evidence_key import FileInstallationKey
from tieout.gateways.kept_packs import FileKeptPacks
from tieout.gateways.post import NetworkPost
from tieout.gateways.rehearsal import FileRehearsalDesk, NoInstallationKey, NoPost
from tieout.gateways.secrets_file import FileEgress, FileSecrets
from tieout.gateways.signing import Ed25519Verifier, generate_key
from tieout.gateways.signing_desk import sign_request
from tieout.kernel.clock_step import refuse_began
from tieout.kernel.errors import Refusal
from tieout.kernel.ids import HomeId
from tieout.kernel.instant import Instant
from tieout.ports import Clock, Entropy
from tieout.readiness.level import governed
from tieout.store.crash import crash_point
from tieout.store.failure import StoreUnusable, storage_failure
from tieout.store.log.segments.cache import CACHE_BYTES_MAX
from tieout.store.log.segments.place import SegmentsPlace
from tieout.store.stores import Stores, create_stores, open_stores

__all__ = [
    "FileRehearsalDesk",
    "Home",
    "SteppedClock",
    "StoreUnusable",
    "SystemClock",
    "crash_point",
    "create_home",
    "generate_key",
    "open_home",
    "scratch_home",
    "sign_request",
    "storage_failure",
]

DATABASE_URL_VARIABLE = "TIEOUT_DATABASE_URL"
SEGMENTS_URL_VARIABLE = "TIEOUT_SEGMENTS_URL"
SEGMENTS_CACHE_VARIABLE = "TIEOUT_SEGMENTS_CACHE_BYTES"


class MalformedCacheBytes(Refusal):
    """The bound of the segment cache is no number of bytes."""

    code = "malformed-cache-bytes"

    def __init__(self, text: str) -> None:
        super().__init__(f"{SEGMENTS_CACHE_VARIABLE}: {text!r} is not a number of bytes, such as 17179869184")


def create_home(folder: Path, *, clock: Clock | None = None, test_clock: Instant | None = None) -> Home:
    """Makes a home in `folder`, and the folder where there is none. With `test_clock` it has a clock of its
    own, which begins there, for ever. Raises `HomeExists`, `ForeignClock`, `UntrustworthySqlite` or
    `StepOutsideCalendar`.
    """
    if test_clock is not None:
        refuse_began(test_clock)
    ticking, entropy = clock or SystemClock(), SystemEntropy()
    stores = create_stores(
        folder, url=_url(), segments=_segments(), clock=ticking, entropy=entropy, test_clock=test_clock
    )
    return _home(folder, stores, entropy)


def open_home(folder: Path, *, clock: Clock | None = None) -> Home:
    """Opens the home in `folder`; a clock of its own goes before `clock`. Raises `NotAHome`, `NewerSchema`,
    `UntrustworthySqlite`, `ForeignBooks` or `ForeignClock`.
    """
    ticking, entropy = clock or SystemClock(), SystemEntropy()
    stores = open_stores(folder, url=_url(), segments=_segments(), clock=ticking, entropy=entropy)
    return _home(folder, stores, entropy)


@contextmanager
def scratch_home(as_home: HomeId, seed: bytes, now: Instant) -> Iterator[tuple[Home, SteppedClock]]:
    """A home that lasts as long as the block: embedded, wherever other homes are kept, on a clock that is
    set, with the identity of another home, and with keys and ids that follow from the seed."""
    clock, entropy = SteppedClock(now), ForetoldEntropy(seed)
    with TemporaryDirectory(prefix="tieout-scratch-") as name:
        folder = Path(name) / "home"
        stores = create_stores(
            folder, url=None, segments=SegmentsPlace(), clock=clock, entropy=entropy, as_home=as_home
        )
        home = _home(folder, stores, entropy)
        with replace(home, installation_key=NoInstallationKey(folder), post=NoPost()) as scratch:
            yield scratch, clock


def _home(folder: Path, stores: Stores, entropy: Entropy) -> Home:
    """One with a test clock tells nobody anything, and signs with no key but one of its own."""
    secrets, egress = FileSecrets(folder), FileEgress(folder)
    is_scratch = stores.test_clock is not None
    return Home(
        folder=folder,
        home_id=stores.books.home_id,
        books=stores.books,
        log=stores.log,
        review=stores.review,
        pipeline=stores.pipeline,
        live=stores.live,
        engine=EmbeddedEngine(),
        clock=stores.clock,
        test_clock=stores.test_clock,
        entropy=entropy,
        signer=Ed25519Verifier(),
        post=NoPost() if is_scratch else NetworkPost(secrets, egress.rules),
        secrets=secrets,
        egress=egress,
        installation_key=FileInstallationKey(folder, only_here=is_scratch),
        kept_packs=FileKeptPacks(folder),
        store_facts=stores.facts,
        release=stores.release,
        refuse_change=_refuse_change,
    )


def _refuse_change(
    home: Home,
    kinds: frozenset[DocumentKind],
    *,
    by_correction: bool = False,
    fresh: Sequence[Document] = (),
) -> None:
    """What reads all the facts is loaded only where readiness was started: most commands change nothing."""
    if home.books.readiness.level() is not None and governed(kinds):
        from tieout.flows.readiness import refuse_while_open  # noqa: PLC0415 - see above

        refuse_while_open(home, kinds, by_correction=by_correction, fresh=fresh)


def _url() -> str | None:
    return os.environ.get(DATABASE_URL_VARIABLE) or None


def _segments() -> SegmentsPlace:
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return SegmentsPlace(
        url=os.environ.get(SEGMENTS_URL_VARIABLE) or None,
        endpoint=endpoint or None,
        region=region or None,
        cache_bytes_max=_cache_bytes(os.environ.get(SEGMENTS_CACHE_VARIABLE)),
    )


def _cache_bytes(text: str | None) -> int:
    if not text:
        return CACHE_BYTES_MAX
    if not (text.isascii() and text.isdigit()):
        raise MalformedCacheBytes(text)
    return int(text)
