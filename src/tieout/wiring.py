"""The only place where ports meet stores, engines and gateways: a home is made and opened here.

`TIEOUT_DATABASE_URL` puts books and log into PostgreSQL (two schemas) instead of the two SQLite files.
"""

from __future__ import annotations

import os
from pathlib import Path

from tieout.engines.embedded import EmbeddedEngine
from tieout.flows.home import Home
from tieout.gateways.clock import SteppedClock, SystemClock
from tieout.gateways.entropy import SystemEntropy
from tieout.gateways.signing import Ed25519Verifier, generate_key
from tieout.gateways.signing_desk import sign_request
from tieout.ports import Clock, Entropy
from tieout.store.failure import storage_failure
from tieout.store.stores import Stores, create_stores, open_stores

__all__ = [
    "Home",
    "SteppedClock",
    "create_home",
    "generate_key",
    "open_home",
    "sign_request",
    "storage_failure",
]

DATABASE_URL_VARIABLE = "TIEOUT_DATABASE_URL"


def create_home(folder: Path, *, clock: Clock | None = None) -> Home:
    """Makes a home in `folder`, and the folder where there is none. Raises `HomeExists` or
    `UntrustworthySqlite`.
    """
    ticking, entropy = clock or SystemClock(), SystemEntropy()
    return _home(folder, create_stores(folder, url=_url(), clock=ticking, entropy=entropy), ticking, entropy)


def open_home(folder: Path, *, clock: Clock | None = None) -> Home:
    """Opens the home in `folder`. Raises `NotAHome`, `NewerSchema`, `UntrustworthySqlite` or
    `ForeignBooks`.
    """
    ticking, entropy = clock or SystemClock(), SystemEntropy()
    return _home(folder, open_stores(folder, url=_url(), clock=ticking, entropy=entropy), ticking, entropy)


def _home(folder: Path, stores: Stores, clock: Clock, entropy: Entropy) -> Home:
    return Home(
        folder=folder,
        home_id=stores.books.home_id,
        books=stores.books,
        log=stores.log,
        review=stores.review,
        engine=EmbeddedEngine(),
        clock=clock,
        entropy=entropy,
        signer=Ed25519Verifier(),
        store_facts=stores.facts,
        release=stores.release,
    )


def _url() -> str | None:
    return os.environ.get(DATABASE_URL_VARIABLE) or None
