"""[[policy]]: key, version, effective_from, predecessor_digest, cadence, grace_hours, proposer,
small_team_exception."""

from __future__ import annotations

import re

from tieout.contract.policy import Policy
from tieout.contract.reading.cadence import read_cadence
from tieout.contract.reading.head import Head
from tieout.contract.reading.table import TableReader
from tieout.kernel.ids import PolicyKey

DIGEST_PATTERN = re.compile(r"[0-9a-f]{64}\Z")
GRACE_HOURS_MAX = 24 * 92


def read_policy(reader: TableReader, head: Head) -> Policy:
    """`grace_hours` is at most a quarter of a year; a predecessor is named by its 64 hex digits."""
    predecessor = reader.optional_text("predecessor_digest")
    if predecessor and DIGEST_PATTERN.match(predecessor) is None:
        reader.problem("predecessor_digest", "must be 64 lower-case hex digits")
    return Policy(
        key=PolicyKey(head.key),
        version=head.version,
        effective_from=head.effective_from,
        predecessor_digest=predecessor,
        cadence=read_cadence(reader, "cadence"),
        grace_hours=reader.integer("grace_hours", minimum=0, maximum=GRACE_HOURS_MAX),
        proposer=reader.text("proposer"),
        small_team_exception=reader.optional_text("small_team_exception"),
        digest=head.digest,
    )
