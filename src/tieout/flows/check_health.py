"""Doctor: what a home stands on, line by line, each with its fact; a line that is not ok says what is
wrong.
"""

from __future__ import annotations

import shutil

from tieout.close.outcome import WAITING
from tieout.contract.catalog import Catalog
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.home import Home
from tieout.flows.notices_health import notices_health
from tieout.flows.policy import governing, policies
from tieout.invoice.invoice import KIND_FINAL
from tieout.kernel.errors import TieoutError
from tieout.kernel.instant import format_instant
from tieout.kernel.zone import is_pinned, tzdata_version
from tieout.ports import HealthFact
from tieout.readiness.level import Level, RecordedLevel

DISK_FREE_BYTES_MIN = 1_073_741_824

HealthLine = HealthFact


def doctor(home: Home) -> tuple[HealthLine, ...]:
    """Every check, whether or not an earlier one failed."""
    lines = list(home.store_facts())
    lines.append(
        HealthLine("time zones", is_pinned(), f"tzdata {tzdata_version()}, from the pinned package only")
    )
    if home.test_clock is not None:
        stands = format_instant(home.clock.now())
        detail = f"it stands at {stands}: a scratch home, which bills nobody"
        lines.append(HealthLine("test clock", True, detail))
    lines.append(_positions(home))
    lines.append(_heads(home))
    lines.append(_disk(home))
    try:
        catalog = load_catalog(home)
    except TieoutError as error:
        lines.append(HealthLine("catalog", False, str(error)))
        return tuple(lines)
    lines.append(_catalog(catalog))
    lines.append(_policy(home))
    lines.append(_accounts(home))
    level = home.books.readiness.level()
    if level is not None:
        lines.append(_readiness(level, catalog))
    lines += notices_health(home, catalog)
    return tuple(lines)


def _positions(home: Home) -> HealthLine:
    """The books may not know more than the log holds: a restored backup of the log alone would show here."""
    head = home.log.head()
    reached = max((invoice.cutoff for invoice in home.books.invoices.sealed()), default=0)
    return HealthLine(
        "log positions", reached <= head, f"the books reach batch {reached}, the log ends at batch {head}"
    )


def _heads(home: Home) -> HealthLine:
    """A head without a signature is worth nothing to anybody else."""
    heads = home.books.heads.all()
    waiting = sum(each.signature is None for each in heads)
    detail = f"{len(heads)} of earlier seals are kept"
    if waiting:
        detail += f"; {waiting} of them wait for a key to be signed with (`tieout evidence key --create`)"
    return HealthLine("heads", True, detail)


def _disk(home: Home) -> HealthLine:
    free = shutil.disk_usage(home.folder).free
    return HealthLine("disk", free >= DISK_FREE_BYTES_MIN, f"{free // 1_048_576} MiB free")


def _catalog(catalog: Catalog) -> HealthLine:
    counts = f"{len(catalog.meters)} meters, {len(catalog.prices)} prices, {len(catalog.customers)} customers"
    return HealthLine("catalog", True, f"{counts} (versions)")


def _policy(home: Home) -> HealthLine:
    states = policies(home)
    state = governing(states, home.clock.now())
    if state is not None and state.in_force_from is not None:
        policy = state.policy
        since = format_instant(state.in_force_from)
        return HealthLine("policy", True, f"{policy.key} v{policy.version} is in force since {since}")
    waiting = [f"{state.policy.key} v{state.policy.version}" for state in states]
    detail = f"none is in force; proposed: {', '.join(waiting) or 'none'}"
    return HealthLine("policy", False, detail)


def _readiness(level: RecordedLevel, catalog: Catalog) -> HealthLine:
    """Who is not billed while it is narrow is said wherever somebody looks whether all is well."""
    since = format_instant(level.recorded_at)
    if level.level is Level.WIDE:
        return HealthLine("readiness", True, f"wide since {since}")
    kept = len(set(catalog.customers.keys) - set(level.accounts))
    detail = f"narrow since {since}: {len(level.accounts)} accounts are billed, {kept} are not"
    return HealthLine("readiness", True, detail)


def _accounts(home: Home) -> HealthLine:
    sealed = {
        (invoice.customer, invoice.period)
        for invoice in home.books.invoices.sealed()
        if invoice.kind == KIND_FINAL
    }
    stuck = [
        outcome
        for outcome in home.books.closes.latest()
        if outcome.outcome in WAITING and (outcome.customer, outcome.period) not in sealed
    ]
    if not stuck:
        return HealthLine("accounts", True, "none is held or parked")
    first = stuck[0]
    return HealthLine(
        "accounts",
        False,
        f"{len(stuck)} held or parked; first {first.customer}: {first.reason} ({first.next_action})",
    )
