"""The life of an invoice, as a table: a change that is not in it does not happen."""

from __future__ import annotations

from enum import Enum

from tieout.kernel.errors import ConflictError


class Status(Enum):
    """Where an invoice stands. `SEALED` is final: its bytes never change again."""

    DRAFT = "draft"
    READY = "ready"
    HELD = "held"
    SEALED = "sealed"


class Act(Enum):
    """What may happen to an invoice."""

    RECONCILED = "reconciled"
    BROKEN = "broken"
    REDRAFTED = "redrafted"
    SEALED = "sealed"


TRANSITIONS: dict[tuple[Status, Act], Status] = {
    (Status.DRAFT, Act.RECONCILED): Status.READY,
    (Status.DRAFT, Act.BROKEN): Status.HELD,
    (Status.HELD, Act.REDRAFTED): Status.DRAFT,
    (Status.READY, Act.REDRAFTED): Status.DRAFT,
    (Status.READY, Act.SEALED): Status.SEALED,
}


class ForbiddenTransition(ConflictError):
    """An act was asked of an invoice in a status that does not allow it."""

    code = "forbidden-transition"

    def __init__(self, status: Status, act: Act) -> None:
        super().__init__(status, act)
        self.status = status
        self.act = act

    def __str__(self) -> str:
        return f"An invoice that is {self.status.value} cannot be {self.act.value}."


def after(status: Status, act: Act) -> Status:
    """The status that follows, or `ForbiddenTransition`."""
    following = TRANSITIONS.get((status, act))
    if following is None:
        raise ForbiddenTransition(status, act)
    return following
