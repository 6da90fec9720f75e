"""Who owns disputes: named by somebody, for a reason, on record; whoever was named last holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tieout.dispute.owners import Owners
from tieout.dispute.role import Role
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.decision import decision_now, named
from tieout.flows.disputes import owners_named
from tieout.flows.home import Home
from tieout.flows.notices import NoSuchTarget
from tieout.kernel.errors import Refusal
from tieout.kernel.ids import NoticeTargetKey
from tieout.kernel.person import is_same_person

PERSONS_MAX = 20
"""Of one role."""


class OwnersRefused(Refusal):
    """These cannot be owners."""

    code = "dispute-owners-refused"

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(f"Nothing was recorded: {'; '.join(problems)}.")


def name_owners(
    home: Home,
    persons: Mapping[Role, Sequence[str]],
    targets: Mapping[Role, Sequence[str]],
    *,
    person: str,
    reason: str,
) -> Owners:
    """What is said of a role replaces what was said of it before; an empty list leaves it. Raises
    `OwnersRefused`, `NoSuchTarget` or `DecisionIncomplete`."""
    decision = decision_now(home, person=person, reason=reason)
    before = owners_named(home)
    by_role = {role: _persons(persons.get(role, ())) or before.persons.get(role, ()) for role in Role}
    known = load_catalog(home).notice_targets
    for target in (each for of_it in targets.values() for each in of_it):
        if known.at(target, decision.decided_at) is None:
            raise NoSuchTarget(target)
    told = {
        role: tuple(dict.fromkeys(map(NoticeTargetKey, targets.get(role, ()))))
        or before.targets.get(role, ())
        for role in Role
    }
    made = Owners(by_role, told, decision.person, decision.reason, decision.decided_at)
    if made.missing:
        raise OwnersRefused([f"nobody is named for {role.value} (--{role.value})" for role in made.missing])
    both = [
        each for each in by_role[Role.FINANCE] if all(is_same_person(each, ops) for ops in by_role[Role.OPS])
    ]
    if both and len(by_role[Role.FINANCE]) == 1:
        raise OwnersRefused([f"{both[0]} would decide and approve alone: finance is another person than ops"])
    if (before.persons, before.targets) == (made.persons, made.targets):
        return before
    home.books.disputes.name_owners(made)
    return made


def _persons(names: Sequence[str]) -> tuple[str, ...]:
    found: list[str] = []
    for name in names:
        person = named(name, "a person")
        if not any(is_same_person(person, each) for each in found):
            found.append(person)
    if len(found) > PERSONS_MAX:
        raise OwnersRefused([f"{len(found)} persons of one role; at most {PERSONS_MAX}"])
    return tuple(found)
