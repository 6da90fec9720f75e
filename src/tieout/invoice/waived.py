"""A difference that three people let pass, as the invoices say that were sealed in spite of it."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.kernel.canonical import JsonValue


@dataclass(frozen=True, slots=True)
class Waived:
    """`statement` names what the source states, `difference` how accepted and stated differ; `signed_by` is
    role, person and key id, by role."""

    digest: str
    source: str
    statement: str
    difference: str
    reason: str
    signed_by: tuple[tuple[str, str, str], ...]


def waived_json(waived: Waived) -> JsonValue:
    return {
        "digest": waived.digest,
        "source": waived.source,
        "statement": waived.statement,
        "difference": waived.difference,
        "reason": waived.reason,
        "signed_by": [
            {"role": role, "person": person, "key_id": key_id} for role, person, key_id in waived.signed_by
        ],
    }
