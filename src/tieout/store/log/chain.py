"""What the batch digest covers, assembled from verdicts: one fate for each received row."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from tieout.ingest.reason import Reason
from tieout.ingest.verdict import Verdict, Verdicts
from tieout.store.log.encoding import DISPOSITION, FATE
from tieout.store.log.prepare import Prepared


def fates(
    received: int,
    accepted: tuple[npt.NDArray[np.integer], npt.NDArray[np.uint8]],
    dispositions: npt.NDArray[np.void],
) -> bytes:
    """The fates of all received rows in row order, packed: accepted (rows, digests), and the rest by
    disposition.
    """
    packed = np.zeros(received, dtype=FATE)
    packed["verdict"] = UNTOLD
    rows, digests = accepted
    packed["verdict"][rows] = Verdict.ACCEPTED
    packed["digest"][rows] = digests
    for name in ("verdict", "reason", "digest"):
        packed[name][dispositions["row"]] = dispositions[name]
    assert not (packed["verdict"] == UNTOLD).any(), "a received row without a fate"
    return packed.tobytes()


UNTOLD = 255
"""No verdict has this number: a row that still shows it was forgotten."""


def dispositions_of(prepared: Prepared, verdicts: Verdicts) -> npt.NDArray[np.void]:
    """Every row that was not accepted, in row order: repeats, conflicts and refusals."""
    lost = np.flatnonzero(verdicts.verdict != Verdict.ACCEPTED)
    found = np.zeros(len(lost) + len(prepared.refused), dtype=DISPOSITION)
    head = found[: len(lost)]
    head["row"] = prepared.rows[lost]
    head["verdict"] = verdicts.verdict[lost]
    head["reason"] = np.where(
        verdicts.verdict[lost] == Verdict.CONFLICT, Reason.IDENTITY_CONFLICT, Reason.NONE
    )
    head["original"] = verdicts.original[lost]
    head["digest"] = prepared.digests[lost]
    for place, refused in enumerate(prepared.refused, start=len(lost)):
        found[place] = (
            refused.row,
            Verdict.QUARANTINED,
            refused.rejected.reason,
            0,
            _raw_digest(refused.raw),
        )
    return found[np.argsort(found["row"], kind="stable")]


def with_raw_digest(dispositions: npt.NDArray[np.void], row: int, raw: bytes) -> None:
    """A conflict is chained by the bytes it came in, which the quarantine keeps."""
    dispositions["digest"][dispositions["row"] == row] = _raw_digest(raw)


def _raw_digest(raw: bytes) -> npt.NDArray[np.uint8]:
    return np.frombuffer(hashlib.sha256(raw).digest(), dtype=np.uint8)
