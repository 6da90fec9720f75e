"""Which contract versions a batch was judged by, as the text that is chained with it."""

from __future__ import annotations

import json
from collections.abc import Iterable

from tieout.contract.event_contract import ContractBook


def contracts_of(book: ContractBook) -> str:
    """As `contracts_text`, of all versions of a book."""
    return contracts_text(
        (contract.type, contract.version, contract.digest)
        for event_type in book.types
        for contract in book.versions(event_type)
    )


def contracts_text(versions: Iterable[tuple[str, int, str]]) -> str:
    """Canonical JSON of (type, version, digest) of the contract versions a batch is judged by."""
    return json.dumps(sorted(versions), separators=(",", ":"), ensure_ascii=False)
