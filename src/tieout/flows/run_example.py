"""Runs a contract's example event through the same decoding that real events meet."""

from __future__ import annotations

import json

from tieout.contract.event_contract import ContractBook, EventContract
from tieout.ingest.decode_json import decode_item
from tieout.ingest.rejection import Rejected
from tieout.kernel.errors import TieoutError
from tieout.kernel.instant import Instant, parse_instant

SOURCE = "example"


def run_example(contract: EventContract, text: str) -> str | None:
    """The reason code for which the contract refuses the event, None if it accepts it.

    The event counts as received at its own time, so that an example does not grow too old to be valid.
    """
    book = ContractBook([contract])
    outcome = decode_item(
        text.encode(), book, received_at=_received_at(contract, text), default_source=SOURCE
    )
    return outcome.reason.code if isinstance(outcome, Rejected) else None


def _received_at(contract: EventContract, text: str) -> Instant:
    try:
        time = json.loads(text)["time"]
        return max(parse_instant(time), contract.effective_from)
    except (TieoutError, ValueError, KeyError, TypeError, RecursionError, AttributeError):
        return contract.effective_from
