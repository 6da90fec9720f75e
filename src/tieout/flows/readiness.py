"""The launch review of a home: every item with its evidence and who signed it off, and what is refused while
one is open. Where no level was ever set it is only looked at: nothing is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tieout.contract.document import Document, DocumentKind
from tieout.flows.apply_catalog import NoSuchCustomer, load_catalog
from tieout.flows.decision import decision_now
from tieout.flows.home import Home
from tieout.flows.readiness_facts import read_facts, replay_mended
from tieout.flows.readiness_papers import papers_of
from tieout.kernel.errors import ConflictError, Refusal
from tieout.kernel.ids import CustomerId
from tieout.readiness.item import Item, ItemKey, Passed
from tieout.readiness.items import ITEMS, item_named
from tieout.readiness.level import Level, RecordedLevel, level_text, widens
from tieout.readiness.papers import expectations, overrides, sign_offs
from tieout.readiness.standing import Standing, refusing, standings

SHOWN_MAX = 3
"""Problems of an item that a refusal repeats; `tieout readiness` prints all."""


class ReadinessOpen(ConflictError):
    """An open item refuses what was asked."""

    code = "readiness-open"

    def __init__(self, what: str, items: Sequence[Standing]) -> None:
        self.items = tuple(items)
        lines = []
        for each in items:
            lines += [
                f"  {each.item.key.value}: {found.what}; {found.next_action}"
                for found in each.problems[:SHOWN_MAX]
            ]
            more = len(each.problems) - SHOWN_MAX
            lines += [f"  {each.item.key.value}: and {more} more"] if more > 0 else []
        count = "1 item is open" if len(items) == 1 else f"{len(items)} items are open"
        said = "\n".join(lines)
        super().__init__(f"{what} is refused: {count} (tieout readiness).\n{said}\nNothing was changed.")


class NobodyListed(Refusal):
    """A narrow level bills the accounts of a list."""

    code = "nobody-listed"

    def __init__(self) -> None:
        super().__init__("A narrow level names the accounts that are billed: --accounts A,B.")


class LevelStands(ConflictError):
    """The same level again would say nothing."""

    code = "level-stands"

    def __init__(self, level: RecordedLevel) -> None:
        super().__init__(f"The level is {level_text(level)} already, set by {level.person}.")


@dataclass(frozen=True, slots=True)
class Review:
    """`level` None: readiness was never started."""

    level: RecordedLevel | None
    standings: tuple[Standing, ...]

    @property
    def open(self) -> tuple[Standing, ...]:
        return tuple(each for each in self.standings if each.is_open)


def review(home: Home, items: Sequence[Item] = ITEMS) -> Review:
    """Reads every fact of these items anew, and writes nothing."""
    papers = papers_of(home)
    facts = read_facts(home, expectations(papers), [item.key for item in items])
    found = standings(
        facts, sign_offs(papers), overrides(papers), papers.keys, now=home.clock.now(), items=items
    )
    return Review(home.books.readiness.level(), found)


def standing_of(home: Home, key: ItemKey) -> Standing:
    """Where one item stands."""
    (found,) = review(home, [item_named(key)]).standings
    return found


def refuse_while_open(
    home: Home, kinds: frozenset[DocumentKind], *, by_correction: bool, fresh: Sequence[Document]
) -> None:
    """Before documents of these kinds are applied or signed, under a level. Raises `ReadinessOpen`."""
    items = refusing(review(home).standings, kinds, by_correction=by_correction)
    if any(each.item.key is ItemKey.REPLAY for each in items) and replay_mended(home, fresh):
        items = tuple(each for each in items if each.item.key is not ItemKey.REPLAY)
    if items:
        named = ", ".join(sorted(kind.value for kind in kinds))
        raise ReadinessOpen(f"A change of {named}", items)


def set_level(
    home: Home, level: Level, accounts: Sequence[str] = (), *, person: str, reason: str
) -> RecordedLevel:
    """Raises `ReadinessOpen` where it opens more than stands and an item is open, or where no policy is in
    force when it starts; `NobodyListed`, `NoSuchCustomer`, `LevelStands`, `DecisionIncomplete`, and
    `LevelChanged` where somebody was faster."""
    decided = decision_now(home, person=person, reason=reason)
    listed = _listed(home, level, accounts)
    before = home.books.readiness.level()
    if before is None:
        _refuse_without_rules(home)
    if before is not None and (before.level, before.accounts) == (level, listed):
        raise LevelStands(before)
    if widens(before, level, listed):
        found = review(home).open
        if found:
            raise ReadinessOpen("A wider level", found)
    seq = 1 if before is None else before.seq + 1
    recorded = RecordedLevel(seq, level, listed, decided.person, decided.reason, decided.decided_at)
    home.books.readiness.set_level(recorded)
    return recorded


def _refuse_without_rules(home: Home) -> None:
    """Whoever starts has a policy in force: under a level, open items would refuse the first one."""
    rules = standing_of(home, ItemKey.RULES)
    if not isinstance(rules.checked, Passed):
        raise ReadinessOpen("A first level", [rules])


def _listed(home: Home, level: Level, accounts: Sequence[str]) -> tuple[CustomerId, ...]:
    if level is Level.WIDE:
        return ()
    listed = tuple(sorted({CustomerId(each.strip()) for each in accounts if each.strip()}))
    if not listed:
        raise NobodyListed
    known = load_catalog(home).customers
    for account in listed:
        if account not in known:
            raise NoSuchCustomer(account)
    return listed
