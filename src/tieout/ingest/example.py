"""A contract's examples, run through the definition, so that a contract shows what it means."""

from __future__ import annotations

from dataclasses import replace

from tieout.contract.event_contract import ContractBook, EventContract
from tieout.ingest.decode_json import decode_item
from tieout.ingest.rejection import Rejected
from tieout.kernel.instant import INSTANT_MAX, INSTANT_MIN

EXAMPLE_SOURCE = "example"


def run_example(contract: EventContract, event: str) -> str | None:
    """The code of the reason for which the contract refuses the event; None where it accepts.

    `event`: a CloudEvent as JSON text; it need not name a source. An example shows the shape of an event, not
    the day it came: it is held to this contract whatever its time, and is neither too old nor in the future.
    """
    timeless = replace(contract, effective_from=INSTANT_MIN, reach_days_max=None)
    outcome = decode_item(
        event.encode("utf-8", "surrogatepass"),
        ContractBook([timeless]),
        received_at=INSTANT_MAX,
        default_source=EXAMPLE_SOURCE,
    )
    return outcome.reason.code if isinstance(outcome, Rejected) else None
