"""Items of sources that their sender's key may not speak for: refused one by one, never their whole request.

They are received under the source `unknown`, so that no key can add to another source's numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from tieout.contract.api_key import SourceScope
from tieout.ingest.block import Block, Lines, Refused
from tieout.ingest.parcel import Gathered
from tieout.ingest.reason import Reason
from tieout.ingest.rejection import DETAIL_LENGTH_MAX, UNKNOWN_SOURCE, Rejected
from tieout.kernel.errors import shown


def foreign_items(block: Block, gathered: Gathered, scopes: Sequence[SourceScope]) -> dict[int, Rejected]:
    """The received rows whose source the scope of their request does not allow. Each pair of a request's
    scope and a source is looked at once.
    """
    numbers = {scope: number for number, scope in enumerate(dict.fromkeys(scopes))}
    scope_of = np.array([numbers[scope] for scope in scopes], dtype=np.int64)
    distinct = list(numbers)
    found: dict[int, Rejected] = {}
    for table in block.tables:
        named = _dictionary(table.column("source"))
        sources = named.dictionary.to_pylist()
        rows = table.column("row").to_numpy()
        pairs = scope_of[gathered.owner_of(rows)] * len(sources) + named.indices.to_numpy()
        wrong = [
            pair
            for pair in np.unique(pairs).tolist()
            if not distinct[pair // len(sources)].allows(sources[pair % len(sources)])
        ]
        for place in np.flatnonzero(np.isin(pairs, wrong)).tolist() if wrong else ():
            source, event_id = sources[pairs[place] % len(sources)], table.column("id")[place].as_py()
            found[int(rows[place])] = _forbidden(source, event_id)
    for refused in block.refused:
        rejected = refused.rejected
        if rejected.source != UNKNOWN_SOURCE:
            scope = scopes[int(gathered.owner_of(np.array([refused.row]))[0])]
            if not scope.allows(rejected.source):
                found[refused.row] = _forbidden(rejected.source, rejected.id)
    return found


def with_refusals(block: Block, lines: Lines, rejected: Mapping[int, Rejected]) -> Block:
    """The block with these received rows refused, whatever else it says of them."""
    if not rejected:
        return block
    taken_out = np.fromiter(rejected, dtype=np.int32, count=len(rejected))
    tables = []
    for table in block.tables:
        out = np.isin(table.column("row").to_numpy(), taken_out)
        kept = table.filter(pa.array(~out)) if out.any() else table
        if kept.num_rows:
            tables.append(kept)
    refused = [one for one in block.refused if one.row not in rejected]
    refused += [Refused(row, lines[row], why) for row, why in rejected.items()]
    return Block(block.received, tuple(tables), tuple(sorted(refused, key=lambda one: one.row)))


def _forbidden(source: str, event_id: str | None) -> Rejected:
    detail = f"the key may not send events of the source {shown(source)}"[:DETAIL_LENGTH_MAX]
    return Rejected(Reason.SOURCE_FORBIDDEN, "source", detail, UNKNOWN_SOURCE, event_id)


def _dictionary(column: pa.ChunkedArray) -> pa.DictionaryArray:
    whole = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    return whole if pa.types.is_dictionary(whole.type) else whole.dictionary_encode()
