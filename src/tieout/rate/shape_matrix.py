"""Matrix: the first cell that fits a group's dimensions takes its usage; each cell rates all it took
together.

A cell that took no usage is not rated: its first tier is not entered at zero, unlike that of a price without
cells. Usage that fits no cell goes by `otherwise`, and is refused where there is none: it is never free by
accident.
"""

from __future__ import annotations

from dataclasses import replace

from tieout.aggregate.breakdown import UsageGroup
from tieout.contract.price import Cell, Matrix, PlainShape
from tieout.kernel.errors import Refusal
from tieout.kernel.quantity import QUANTITY_ZERO
from tieout.kernel.rational import Exact
from tieout.kernel.working import Step, Working
from tieout.rate.usage import Usage, together
from tieout.rate.wording import usage_text, values_text


class NoCellFits(Refusal):
    """Usage has values of the dimensions for which the matrix has no price."""

    code = "no-cell-fits"

    def __init__(self, values: tuple[tuple[str, str | None], ...], usage: UsageGroup, unit: str) -> None:
        super().__init__(values, usage, unit)
        self.values = values
        self.usage = usage

    def __str__(self) -> str:
        used = usage_text(self.usage.quantity, self.args[2])
        return (
            f"{used} with {values_text(self.values)} fit no cell of the matrix; give the price a cell for "
            "them, or an `otherwise`."
        )


Part = tuple[str, PlainShape, Usage]
"""How the steps name a cell, its shape, and the usage that it took."""


def parts(shape: Matrix, usage: Usage, dimensions: tuple[str, ...]) -> list[Part]:
    """The cells that took usage, in their order, then `otherwise`. `dimensions` are those of the groups.
    Raises `NoCellFits`."""
    taken: dict[int, list[UsageGroup]] = {}
    for group in usage.groups:
        values = dict(zip(dimensions, group.values, strict=True))
        place = next((place for place, cell in enumerate(shape.cells) if _fits(cell, values)), None)
        if place is None and shape.otherwise is None:
            named = tuple((name, values[name]) for name in shape.dimensions)
            raise NoCellFits(named, group, usage.unit)
        taken.setdefault(len(shape.cells) if place is None else place, []).append(group)
    with_amount = usage.amount is not None
    return [
        (*_named(shape, place), together(taken[place], usage.unit, with_amount=with_amount))
        for place in sorted(taken)
    ]


def labelled(label: str, steps: Working) -> Working:
    """The steps of one cell, each beginning with its name."""
    return tuple(replace(step, text=f"{label}: {step.text}") for step in steps)


def nothing(usage: Usage) -> Working:
    """The step of a matrix without usage."""
    text = f"{usage_text(usage.quantity, usage.unit)}: no cell is used"
    return (Step(rule="matrix", text=text, quantity=str(QUANTITY_ZERO), rate=None, amount=Exact(0)),)


def _fits(cell: Cell, values: dict[str, str | None]) -> bool:
    return all(values[name] == value for name, value in cell.when)


def _named(shape: Matrix, place: int) -> tuple[str, PlainShape]:
    if place < len(shape.cells):
        return values_text(shape.cells[place].when), shape.cells[place].shape
    assert shape.otherwise is not None, "what fits no cell was refused"
    return "otherwise", shape.otherwise
