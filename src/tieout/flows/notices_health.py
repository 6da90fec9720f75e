"""What doctor says of notices: messages that nobody got, messages that wait too long, targets without their
secret, and whether this home lets messages go where they usually may not.
"""

from __future__ import annotations

from typing import Final

from tieout.contract.catalog import Catalog
from tieout.flows.home import Home
from tieout.kernel.errors import TieoutError
from tieout.kernel.instant import SECOND_MICROSECONDS, format_instant
from tieout.notice.attempt import MessageState
from tieout.ports import HealthFact

OVERDUE_SECONDS: Final = 600
SHOWN_MAX: Final = 1


def notices_health(home: Home, catalog: Catalog) -> tuple[HealthFact, ...]:
    """Two lines: the messages, and where they may go."""
    return _messages(home), _targets(home, catalog)


def _messages(home: Home) -> HealthFact:
    counts, now = home.books.notices.counts(), home.clock.now()
    given_up, newest = home.books.notices.unsettled(limit=SHOWN_MAX)
    waiting = counts.of(MessageState.WAITING) + counts.of(MessageState.GATHERING)
    if given_up:
        detail = f"{given_up} messages were given up; the last to {newest[0].target}: {newest[0].detail} "
        return HealthFact("notices", False, detail + "(`tieout notice log`, then `tieout notice resend`)")
    oldest = counts.oldest_due_at
    if oldest is not None and now - oldest > OVERDUE_SECONDS * SECOND_MICROSECONDS:
        detail = (
            f"{waiting} messages wait, and one has been due for {(now - oldest) // SECOND_MICROSECONDS} s"
        )
        return HealthFact("notices", False, f"{detail} (does `tieout serve` run?)")
    since = counts.failing_since
    if since is not None and now - since > OVERDUE_SECONDS * SECOND_MICROSECONDS:
        detail = f"{counts.failing} messages keep failing and are tried again, the oldest since "
        return HealthFact("notices", False, f"{detail}{format_instant(since)} (`tieout notice log`)")
    detail = f"{counts.of(MessageState.DELIVERED)} messages delivered, {waiting} wait for their time"
    return HealthFact("notices", True, f"{detail}, {counts.unrouted} notices in the outbox")


def _targets(home: Home, catalog: Catalog) -> HealthFact:
    now = home.clock.now()
    found = (catalog.notice_targets.at(key, now) for key in catalog.notice_targets.keys)
    enabled = [target for target in found if target is not None and target.enabled]
    try:
        rules = home.egress.rules()
        named = {target.secret for target in enabled if target.secret is not None}
        missing = sorted(name for name in named if not home.secrets.valid(name, now=now))
    except TieoutError as error:
        return HealthFact("notice targets", False, str(error))
    said = f"{len(enabled)} enabled; " + (
        "PRIVATE TARGETS ARE ALLOWED (loopback, private addresses, plain http, any port)"
        if rules.allow_private
        else "public addresses over https only"
    )
    if rules.customers_private:
        said += "; CUSTOMERS MAY NAME PRIVATE TARGETS"
    if missing:
        return HealthFact("notice targets", False, f"{said}; no secret {', '.join(missing)}")
    return HealthFact("notice targets", True, said)
