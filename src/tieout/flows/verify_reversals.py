"""Verify what takes entries back: exactly what stood at that time, neither more nor twice.

An entry's postings for a line stand whole or not at all. So each reversal of them is all of them with the
signs turned around, and all that came after the entry leaves all of them, or nothing. None of the code that
proposes entries is used, and no order of posting is needed, since clocks may step back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tieout.flows.home import Home
from tieout.ledger.entry import Entry
from tieout.ports import LogFinding

Sums = Counter[str]  # of minor units, by account
Key = tuple[str, str]  # an entry, and a line or "" for what is of none


def reversal_findings(home: Home) -> Iterator[LogFinding]:
    """Reversals of what did not stand, or not so. Raises what reading an entry raises."""
    back = [each for each in home.books.ledger.entries() if each.takes_back]
    if not back:
        return
    named = {name for each in back for name in each.takes_back}
    targets = {each.id: each for each in home.books.ledger.entries() if each.id in named}
    left: dict[Key, Sums] = {}
    for name, entry in targets.items():
        for line, posted in _by_line(entry).items():
            left[name, line] = Counter(posted)
    for entry in back:
        yield from _of_reversal(entry, targets, left)
    for (name, line), sums in sorted(left.items()):
        posted = _by_line(targets[name]).get(line, Counter())
        if any(sums.values()) and not _same(sums, posted):
            detail = f"what stands for {line or 'no line'} is neither all that it posted nor nothing"
            yield LogFinding("ledger", name, f"{detail}: it was taken back twice, or in part")


def _of_reversal(entry: Entry, targets: dict[str, Entry], left: dict[Key, Sums]) -> Iterator[LogFinding]:
    """Each of its parts against the entry that it names; what it takes back, or makes stand again, is taken
    off what is left there."""
    whole = targets.get(entry.reverses) if entry.reverses is not None else None
    for name in entry.takes_back:
        if name not in targets:
            yield LogFinding("ledger", entry.id, f"takes back entry {name}, which is not here")
    if whole is not None and not _same(_negated(_sums(entry)), _sums(whole)):
        yield LogFinding("ledger", entry.id, f"is not entry {whole.id} with the signs turned around")
    for (name, line), taken in _parts(entry).items():
        if name not in targets:
            continue
        stood = left.setdefault((name, line), Counter())
        posted = _by_line(targets[name]).get(line, Counter())
        again = whole is not None and name != entry.reverses  # a void of what had taken it back
        if not _same(taken if again else _negated(taken), posted):
            detail = f"takes back something else of entry {name} for {line} than stood there"
            yield LogFinding("ledger", entry.id, detail)
        stood.update(taken)


def _parts(entry: Entry) -> dict[Key, Sums]:
    """Its postings by the entry whose postings for a line they change."""
    found: dict[Key, Sums] = {}
    for each in entry.postings:
        name = each.reverses or (entry.reverses if each.line is not None else None)
        if name is not None:
            found.setdefault((name, each.line or ""), Counter())[each.account.value] += each.amount.minor
    return found


def _by_line(entry: Entry) -> dict[str, Sums]:
    """What it posted for lines of its own."""
    found: dict[str, Sums] = {}
    for each in entry.postings:
        if each.line is not None and each.reverses is None:
            found.setdefault(each.line, Counter())[each.account.value] += each.amount.minor
    return found


def _sums(entry: Entry) -> Sums:
    found: Sums = Counter()
    for each in entry.postings:
        found[each.account.value] += each.amount.minor
    return found


def _negated(sums: Sums) -> Sums:
    return Counter({account: -minor for account, minor in sums.items()})


def _same(one: Sums, other: Sums) -> bool:
    return {name: minor for name, minor in one.items() if minor} == {
        name: minor for name, minor in other.items() if minor
    }
