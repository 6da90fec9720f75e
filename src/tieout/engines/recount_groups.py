"""Groups counted a second time: rows are told apart by the codes of their dictionaries, sums are in limbs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tieout.aggregate.breakdown import Breakdown, UsageGroup
from tieout.contract.meter import Aggregation, Meter
from tieout.engines.recount_columns import limb_sums, magnitudes, text_of, value_limbs
from tieout.kernel.quantity import ATOMS_PER_UNIT, Quantity
from tieout.table.layout import FIELD_PREFIX

Indices = npt.NDArray[np.int64]
GroupKey = tuple[str | None, ...]
"""Texts of the dimensions, then, by value, the texts of value and amount (None where there is none)."""


@dataclass(slots=True)
class GroupTally:
    """What one group has come to so far, in atoms."""

    count: int = 0
    atoms: int = 0
    amount: int = 0


@dataclass(slots=True)
class GroupTallies:
    """The groups of one request, and the sum of the sizes of all amounts."""

    groups: dict[GroupKey, GroupTally] = field(default_factory=dict)
    amount_magnitude: int = 0


def count_groups(
    meter: Meter,
    breakdown: Breakdown,
    table: pa.Table,
    request: Indices,
    inside: Indices,
    tallies: Sequence[GroupTallies],
) -> None:
    """Adds the rows at `inside`, which count for the requests at `request`, to their groups."""
    value = None if meter.aggregation is Aggregation.COUNT else meter.field
    fields: list[str | None] = [*breakdown.dimensions]
    if breakdown.by_value:
        fields += [value, breakdown.amount_field]
    encoded = [_encoded(table, name) for name in fields]
    keys = np.stack([request[inside], *(codes[inside] for codes, _ in encoded)], axis=1)
    order = inside[np.lexsort(keys.T[::-1])]
    sorted_keys = np.stack([request[order], *(codes[order] for codes, _ in encoded)], axis=1)
    starts = np.flatnonzero(np.append(True, (np.diff(sorted_keys, axis=0) != 0).any(axis=1)))
    sizes = np.diff([*starts, order.size])
    atoms = _sums(table, value, order, starts)
    amounts = _sums(table, breakdown.amount_field, order, starts)
    for place, start in enumerate(starts):
        number, *codes = sorted_keys[start].tolist()
        key = tuple(texts[code] for code, (_, texts) in zip(codes, encoded, strict=True))
        group = tallies[number].groups.setdefault(key, GroupTally())
        group.count += int(sizes[place])
        group.atoms += int(sizes[place]) * ATOMS_PER_UNIT if value is None else atoms[place]
        group.amount += amounts[place]
    if breakdown.amount_field is not None:
        limbs = magnitudes(value_limbs(table.column(FIELD_PREFIX + breakdown.amount_field)))
        for place, size in enumerate(limb_sums(limbs, order, starts)):
            tallies[int(sorted_keys[starts[place]][0])].amount_magnitude += size


def usage_groups(tallies: GroupTallies, breakdown: Breakdown) -> tuple[UsageGroup, ...]:
    """The groups in their order; a value that the meter does not read is the 1 of a count."""
    groups = [_group(key, tally, breakdown) for key, tally in tallies.groups.items()]
    return tuple(sorted(groups, key=lambda group: group.order))


def _group(key: GroupKey, tally: GroupTally, breakdown: Breakdown) -> UsageGroup:
    priced = breakdown.amount_field is not None
    value = each = None
    if breakdown.by_value:
        value_text, each_text = key[-2:]
        value = Quantity.parse(value_text or "1")
        each = None if each_text is None else Quantity.parse(each_text)
    return UsageGroup(
        key[: len(breakdown.dimensions)],
        Quantity.from_atoms(tally.atoms),
        tally.count,
        value,
        Quantity.from_atoms(tally.amount) if priced else None,
        each,
    )


def _encoded(table: pa.Table, name: str | None) -> tuple[Indices, list[str | None]]:
    """A code for each row, and the texts that the codes stand for; the last code is that of nothing."""
    column = None if name is None else FIELD_PREFIX + name
    if column is None or column not in table.column_names:
        return np.zeros(table.num_rows, dtype=np.int64), [None]
    encoded = table.column(column).combine_chunks().dictionary_encode()
    texts = [text_of(each) for each in encoded.dictionary.to_pylist()]
    codes = encoded.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes, [*texts, None]


def _sums(table: pa.Table, name: str | None, order: Indices, starts: npt.NDArray[np.intp]) -> list[int]:
    if name is None:
        return [0] * len(starts)
    return limb_sums(value_limbs(table.column(FIELD_PREFIX + name)), order, starts)
