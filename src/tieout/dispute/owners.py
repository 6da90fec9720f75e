"""Who owns disputes: persons by role, and where each role is told. Named on record; the last record holds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from tieout.dispute.role import Role
from tieout.kernel.errors import Refusal
from tieout.kernel.ids import NoticeTargetKey
from tieout.kernel.instant import Instant
from tieout.kernel.person import is_same_person


class WrongRole(Refusal):
    """Somebody else may do this."""

    code = "dispute-wrong-role"

    def __init__(self, person: str, what: str, roles: Collection[Role], owners: Owners) -> None:
        named = "; ".join(
            f"{role.value}: {', '.join(owners.persons.get(role, ())) or 'nobody'}" for role in sorted(roles)
        )
        super().__init__(
            f"{person} may not {what}: that is for {named}. Nothing was recorded; "
            "`tieout dispute owners set` names who is who."
        )


@dataclass(frozen=True, slots=True)
class Owners:
    """`persons`: the first of a role answers for new disputes. `targets`: where notices for the role go
    (none: to whichever targets take them). `person` set it."""

    persons: Mapping[Role, tuple[str, ...]]
    targets: Mapping[Role, tuple[NoticeTargetKey, ...]] = field(default_factory=dict)
    person: str = ""
    reason: str = ""
    at: Instant | None = None

    @property
    def missing(self) -> tuple[Role, ...]:
        """Roles that nobody has."""
        return tuple(role for role in Role if not self.persons.get(role))

    def has(self, person: str, role: Role) -> bool:
        return any(is_same_person(person, each) for each in self.persons.get(role, ()))

    def first_named(self, routed_to: Role) -> tuple[tuple[Role, str], ...]:
        """Of the role that a dispute goes to, and of ops, who write to the customer."""
        return tuple((role, self.persons[role][0]) for role in Role if role in (routed_to, Role.OPS))

    def check(self, person: str, roles: Collection[Role], what: str) -> None:
        """`what` completes "may not ...". Raises `WrongRole`."""
        if not any(self.has(person, role) for role in roles):
            raise WrongRole(person, what, roles, self)


NOBODY = Owners({})
