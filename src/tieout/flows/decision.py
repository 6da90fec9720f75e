"""A decision about an item is a person's: named, with a reason, at a time."""

from __future__ import annotations

from tieout.flows.home import Home
from tieout.kernel.errors import Refusal, shown
from tieout.ports.review import Decision

PERSON_LENGTH_MAX = 128
REASON_LENGTH_MAX = 1_000
PERSON = "the person (--by)"
REASON = "the reason (--reason)"


class DecisionIncomplete(Refusal):
    """The name or the reason is missing, too long, or no plain text."""

    code = "decision-incomplete"

    def __init__(self, what: str, text: str, length_max: int) -> None:
        super().__init__(
            f"{what} must be 1 to {length_max} printable characters, not {shown(text)}: whoever decides says "
            "who they are and why."
        )


def decision_now(home: Home, *, person: str, reason: str, what: str = REASON) -> Decision:
    """`what`: the reason as whoever gave it calls it. Raises `DecisionIncomplete`."""
    return Decision(named(person), _plain(what, reason, REASON_LENGTH_MAX), home.clock.now())


def named(person: str, what: str = PERSON) -> str:
    """The name, without blanks around it. `what`: the person as whoever gave the name calls it. Raises
    `DecisionIncomplete`."""
    return _plain(what, person, PERSON_LENGTH_MAX)


def _plain(what: str, text: str, length_max: int) -> str:
    if not text.strip() or len(text) > length_max or not text.isprintable():
        raise DecisionIncomplete(what, text, length_max)
    return text.strip()
