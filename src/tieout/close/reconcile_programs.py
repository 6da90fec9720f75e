"""Programs are never blended: a program's line rests on a price of its own, and its lines stand together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from tieout.close.breaks import Break
from tieout.invoice.line import Line

TIE_PROGRAM = "a program's prices = its lines"
ACTION = "redraft the invoice; if it stays, report the program: its fees would be mixed with others"


def program_breaks(lines: Sequence[Line]) -> list[Break]:
    """Lines whose program does not have their price, prices under two programs or both under a program
    and under none, and lines of a subscription's program that do not stand together."""
    breaks = []
    owners: dict[tuple[str, int], str | None] = {}
    for line in lines:
        program = line.charge.program
        table = None if program is None else program.key
        if program is not None and line.price not in program.prices:
            expected = f"{program.reference}: {', '.join(program.prices)}"
            breaks.append(
                Break(TIE_PROGRAM, expected, f"{line.id}: {line.price}", ACTION, size=str(line.amount))
            )
        owner = owners.setdefault((line.price, line.price_version), table)
        if owner != table:
            found = f"{line.id}: {line.price} under {table or 'no program'}"
            said = f"{line.price} under {owner or 'no program'}"
            breaks.append(Break(TIE_PROGRAM, said, found, ACTION, size=str(line.amount)))
    stretches = [key for key, _ in groupby(lines, key=_whose) if key[1] is not None]
    for key in dict.fromkeys(stretches):
        if stretches.count(key) > 1:
            found = f"{key[1]} of subscription {key[0]} in {stretches.count(key)} places"
            size = f"{stretches.count(key)} places"
            breaks.append(Break(TIE_PROGRAM, "lines of a program together", found, ACTION, size=size))
    return breaks


def _whose(line: Line) -> tuple[str, str | None]:
    program = line.charge.program
    return line.charge.subscription, None if program is None else program.key
