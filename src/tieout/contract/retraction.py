"""What a retraction is made of: an event of a built-in type that takes one event back, by its identity.

Its `source` is the target's source, so whoever may not write for that source cannot retract for it. Its id is
marked, so that anyone can tell from an id alone that it names a retraction, which is final.
"""

from __future__ import annotations

from typing import Final

from tieout.kernel.ids import EventType

BUILT_IN_PREFIX: Final = "tieout."
"""Event types that begin so belong to this program; a catalog cannot declare them."""
RETRACTION_TYPE: Final = EventType("tieout.retraction")
RETRACTION_ID_PREFIX: Final = "tieout.retraction:"
"""What the id of every retraction begins with; ids have a limit, and the rest is the sender's."""

TARGET_ID: Final = "target_id"
REASON: Final = "reason"
BY: Final = "by"
APPROVED_BY: Final = "approved_by"
REPLACED_BY: Final = "replaced_by"

REASON_BYTES_MAX: Final = 2_000
PERSON_BYTES_MAX: Final = 256


def names_a_retraction(event_id: str) -> bool:
    """Whether an id is one of those that only retractions have."""
    return event_id.startswith(RETRACTION_ID_PREFIX)


def is_built_in(event_type: str) -> bool:
    return event_type.startswith(BUILT_IN_PREFIX)
