"""How much of a line or an invoice can be disputed, and what is collected meanwhile.

All in minor units of the invoice's currency. What is disputed never comes to more than what is left of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tieout.dispute.dispute import Dispute
from tieout.kernel.errors import ConflictError
from tieout.kernel.ids import InvoiceId, LineId
from tieout.kernel.money import Money


class NoRoom(ConflictError):
    """More would be disputed than is left."""

    code = "dispute-above-due"

    def __init__(self, what: str, asked: Money, left: Money, disputed: Money) -> None:
        rest = Money(max(left.minor - disputed.minor, 0), left.currency)
        super().__init__(
            f"{asked} of {what} cannot be disputed: {left} of it is left, and {disputed} of that is "
            f"disputed already, so that at most {rest} can be. Nothing was recorded."
        )


def on_line(disputes: Iterable[Dispute], line: LineId) -> int:
    """What open disputes of the line come to, as it is printed."""
    return sum(each.claim.amount for each in disputes if each.is_open and each.claim.line == line)


def on_invoice(disputes: Iterable[Dispute], invoice: InvoiceId) -> int:
    """What open disputes of the invoice and its lines come to, taxes included."""
    return sum(each.not_collected for each in disputes if each.invoice == invoice)


def with_tax(asked: int, before: int, tax_on: Callable[[int], int], held: int) -> int:
    """What of an invoice waits for `asked` more of a line of which `before` is disputed and `held` waits: all
    that is disputed waits with the tax that a note over all of it would give back, to the last minor unit."""
    together = before + asked
    return max(together + tax_on(together) - held, 0)


def check_room(what: str, asked: Money, *, left: int, disputed: int) -> None:
    """Raises `NoRoom`."""
    if asked.minor > left - disputed:
        unit = asked.currency
        raise NoRoom(what, asked, Money(left, unit), Money(disputed, unit))


def collectable(open_minor: int, disputed: int) -> int:
    """Of what is open of an invoice, what may be asked for: only what is disputed waits."""
    return max(open_minor - disputed, 0)
