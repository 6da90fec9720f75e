"""Who may do what about disputes. A person has a role because the home's dispute owners name it for that
role."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from tieout.dispute.state import Act


class Role(StrEnum):
    """Ops answers customers, engineering answers for defects, finance approves what is given back."""

    OPS = "ops"
    ENGINEERING = "engineering"
    FINANCE = "finance"


ANYONE: Final = frozenset(Role)
MAY: Final[Mapping[Act, frozenset[Role]]] = {
    Act.MESSAGED: frozenset({Role.OPS}),
    Act.ASSIGNED: frozenset({Role.OPS, Role.ENGINEERING}),
    Act.REPRODUCED: frozenset({Role.OPS, Role.ENGINEERING}),
    Act.CONFLICTED: frozenset({Role.OPS, Role.ENGINEERING}),
    Act.ISOLATED: frozenset({Role.OPS, Role.ENGINEERING}),
    Act.RELEASED: frozenset({Role.ENGINEERING}),
    Act.WITHDRAWN: frozenset({Role.OPS}),
    Act.REOPENED: frozenset({Role.OPS}),
}
"""What is not here anybody with a name may do (open, note); who may uphold and reject hangs on the type of
the dispute: see `decider_of`. A release needs a second person, of ops; money given back one of finance."""


def decider_of(routed_to: Role) -> frozenset[Role]:
    """Whoever it was routed to decides it."""
    return frozenset({routed_to})
