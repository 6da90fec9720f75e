"""The life of a dispute as a table. What is not in it may not happen."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from tieout.kernel.errors import ConflictError


class State(StrEnum):
    """`open`: nobody has looked yet. `reproduced`: the evidence gives the amount again. `isolated`: records
    conflict, and a hold stands. `released`: the hold is ended, the conflict is explained. The others end it.
    """

    OPEN = "open"
    REPRODUCED = "reproduced"
    ISOLATED = "isolated"
    RELEASED = "released"
    UPHELD = "upheld"
    PARTLY_UPHELD = "partly-upheld"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Act(StrEnum):
    """What is recorded about a dispute."""

    OPENED = "opened"
    NOTED = "noted"
    MESSAGED = "messaged"
    ASSIGNED = "assigned"
    REPRODUCED = "reproduced"
    CONFLICTED = "conflicted"
    ISOLATED = "isolated"
    RELEASED = "released"
    UPHELD = "upheld"
    PARTLY_UPHELD = "partly-upheld"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    REOPENED = "reopened"


OPEN_STATES: Final = frozenset({State.OPEN, State.REPRODUCED, State.ISOLATED, State.RELEASED})
"""In these the disputed amount is not collected."""
CLOSED_STATES: Final = frozenset(State) - OPEN_STATES

_SAID: Final[Mapping[tuple[State | None, Act], State]] = {
    (state, act): state for state in State for act in (Act.NOTED, Act.MESSAGED)
}
_LOOKED_AT: Final = (State.OPEN, State.REPRODUCED, State.RELEASED)
TRANSITIONS: Final[Mapping[tuple[State | None, Act], State]] = {
    (None, Act.OPENED): State.OPEN,
    **_SAID,
    **{(state, Act.ASSIGNED): state for state in State if state in OPEN_STATES},
    **{(state, Act.REPRODUCED): State.REPRODUCED for state in _LOOKED_AT},
    **{(state, Act.CONFLICTED): State.ISOLATED for state in _LOOKED_AT},
    **{(state, Act.ISOLATED): State.ISOLATED for state in _LOOKED_AT},
    (State.ISOLATED, Act.RELEASED): State.RELEASED,
    (State.REPRODUCED, Act.UPHELD): State.UPHELD,
    (State.RELEASED, Act.UPHELD): State.UPHELD,
    (State.REPRODUCED, Act.PARTLY_UPHELD): State.PARTLY_UPHELD,
    (State.RELEASED, Act.PARTLY_UPHELD): State.PARTLY_UPHELD,
    (State.REPRODUCED, Act.REJECTED): State.REJECTED,
    **{(state, Act.WITHDRAWN): State.WITHDRAWN for state in _LOOKED_AT},
    (State.REJECTED, Act.REOPENED): State.OPEN,
    (State.WITHDRAWN, Act.REOPENED): State.OPEN,
}
"""A dispute is rejected only where the evidence gives the amount again, and nothing is decided while a hold
stands. What was given back stays given: upheld is not reopened, what is left can be disputed anew."""


class NoSuchMove(ConflictError):
    """The table has no such move."""

    code = "dispute-no-such-move"

    def __init__(self, state: State | None, act: Act) -> None:
        before = sorted(each.value for each, done in TRANSITIONS if done is act and each is not None)
        what = "does not exist" if state is None else f"is {state.value}"
        when = f"only one that is {', '.join(before)} can be" if before else "it happens once"
        super().__init__(f"The dispute {what}, and cannot be {act.value}; {when}. Nothing was recorded.")


def moved(state: State | None, act: Act) -> State:
    """Raises `NoSuchMove`."""
    found = TRANSITIONS.get((state, act))
    if found is None:
        raise NoSuchMove(state, act)
    return found
