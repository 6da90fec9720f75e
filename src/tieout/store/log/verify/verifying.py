"""What the verifying pass has seen so far: a little for each batch, nothing for each event."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tieout.kernel.batch_digest import GENESIS_DIGEST
from tieout.ports import LogFinding
from tieout.store.log.verify.identities import IdentityCensus


@dataclass(frozen=True, slots=True)
class Rows:
    """The accepted rows of one batch: received rows (n,), recomputed content digests (n, 32) and identity
    keys (n, 2) as words.
    """

    rows: np.ndarray
    digests: np.ndarray
    keys: np.ndarray


NO_ROWS = Rows(np.empty(0, np.int32), np.empty((0, 32), np.uint8), np.empty((0, 2), np.uint64))


@dataclass(slots=True)
class Verifying:
    """Counts, findings, and the digest of the batch before."""

    census: IdentityCensus
    findings: list[LogFinding] = field(default_factory=list)
    batches: int = 0
    received: int = 0
    accepted: int = 0
    segments: int = 0
    previous: bytes = GENESIS_DIGEST

    def report(self, what: str, where: str, detail: str) -> None:
        self.findings.append(LogFinding(what, where, detail))
