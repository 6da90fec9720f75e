"""What a retraction must name, beyond the fields of its contract.

Whether an id names a retraction is told by the id alone and not by the log, so that the answer is the same
in whichever order a retraction and its target arrive (L4).
"""

from __future__ import annotations

from collections.abc import Mapping

from tieout.contract.retraction import (
    REASON,
    REPLACED_BY,
    RETRACTION_ID_PREFIX,
    TARGET_ID,
    names_a_retraction,
)
from tieout.ingest.event import Event, Value
from tieout.ingest.reason import Reason
from tieout.ingest.rejection import Flaw
from tieout.ingest.validate import identifier
from tieout.kernel.limits import ID_LENGTH_MAX


def check_retraction(id: str, fields: Mapping[str, Value]) -> None:
    """Raises `Flaw` for an unmarked id, an empty reason, or a target that is no event's id or is final."""
    if not names_a_retraction(id):
        raise Flaw(Reason.ID_MALFORMED, "id", f"the id of a retraction begins with {RETRACTION_ID_PREFIX}")
    if not str(fields[REASON]).strip():
        raise Flaw(Reason.FIELD_MISSING, f"data.{REASON}", "a retraction says why")
    target = _event_id(fields, TARGET_ID)
    if REPLACED_BY in fields and _event_id(fields, REPLACED_BY) == target:
        raise Flaw(Reason.ID_MALFORMED, f"data.{REPLACED_BY}", "an amendment has an id of its own")


def target_of(retraction: Event) -> tuple[str, str]:
    """(source, id) of the event that an accepted retraction takes back; the source is its own."""
    return retraction.source, str(retraction.fields[TARGET_ID])


def _event_id(fields: Mapping[str, Value], name: str) -> str:
    """The id of an event that may be retracted."""
    found = str(fields[name])
    identifier(found, Reason.ID_MALFORMED, f"data.{name}", length_max=ID_LENGTH_MAX)
    if names_a_retraction(found):
        raise Flaw(Reason.RETRACTION_FINAL, f"data.{name}", "this id names a retraction")
    return found
