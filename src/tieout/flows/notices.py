"""Notices as people and programs see them: listed, acknowledged, sent again, and targets tried."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from tieout.contract.notice_target import NoticeTarget, Severity
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.home import Home
from tieout.flows.own_targets import own_notice_target
from tieout.flows.pipeline_alerts import NAME_LENGTH_MAX, REASON_LENGTH_MAX, checked_line
from tieout.kernel.errors import ConflictError, NotFound, Refusal, shown
from tieout.kernel.ids import NoticeId
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant, format_instant
from tieout.notice.attempt import Sent
from tieout.notice.egress import EgressRules
from tieout.notice.message import Letter, notice_json
from tieout.notice.notice import Notice, notice_id
from tieout.notice.routing import may_be_sent, may_carry
from tieout.ports import Acknowledgement, NoticeFilter, RecordedNotice, StoredMessage
from tieout.ports.outbound import HeldSecret

PAGE_NOTICES = 50
PAGE_NOTICES_MAX = 500
MESSAGES_SHOWN_MAX = 500
SECRET_BYTES = 32
SECRET_LENGTH_MAX = 4_096
KEEP_HOURS_MAX = 24 * 90
Member = None | bool | int | str | Sequence["Member"] | dict[str, "Member"]


class NoSuchNotice(NotFound):
    """No notice has this id."""

    code = "no-such-notice"

    def __init__(self, id: str) -> None:
        super().__init__(f"There is no notice {shown(id)}; `tieout notice list` shows them.")


class NoSuchTarget(NotFound):
    """No target of this key is in force."""

    code = "no-such-target"

    def __init__(self, key: str) -> None:
        super().__init__(f"No notice target {shown(key)} is in force; `tieout catalog apply` adds one.")


class TargetNotReady(ConflictError):
    """A customer's own target that cannot take this now."""

    code = "target-not-ready"

    def __init__(self, key: str, why: str) -> None:
        super().__init__(f"Nothing was sent again to target {key}: {why}.")


class NoSuchSecret(NotFound):
    """The home holds no secret of this name."""

    code = "no-such-secret"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no secret {shown(name)} here; `tieout notice secret list` shows them.")


class Acknowledged(ConflictError):
    """Somebody else has acknowledged it, or the key stood on another request."""

    code = "notice-acknowledged"

    def __init__(self, standing: Acknowledgement) -> None:
        when = format_instant(standing.at)
        super().__init__(f"Notice {standing.notice} was acknowledged by {standing.person} at {when}.")


class RequestClash(ConflictError):
    """An Idempotency-Key names one request, for ever."""

    code = "idempotency-key-reused"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key stood on another request; give this one a key of its own.")


class UnusableSecret(Refusal):
    """What was given is no secret that a message could carry."""

    code = "unusable-secret"

    def __init__(self, why: str) -> None:
        super().__init__(f"No secret was stored: {why}.")


@dataclass(frozen=True, slots=True)
class Request:
    """By which request of the HTTP interface: whose key, its retry key, and the digest of what it said."""

    api_key: str
    idempotency_key: str
    sha256: bytes


@dataclass(frozen=True, slots=True)
class NoticePage:
    """The newest first; `next` is the cursor of the page after it."""

    notices: tuple[RecordedNotice, ...]
    next: NoticeId | None


def list_notices(
    home: Home, wanted: NoticeFilter, *, after: str | None = None, limit: int = PAGE_NOTICES
) -> NoticePage:
    """Raises `NoSuchNotice` for a cursor that names none."""
    assert 1 <= limit <= PAGE_NOTICES_MAX, limit
    cursor = None if after is None else find_notice(home, after).notice.id
    found = home.books.notices.page(wanted, after=cursor, limit=limit + 1)
    more = len(found) > limit
    return NoticePage(found[:limit], found[limit - 1].notice.id if more else None)


def find_notice(home: Home, id: str) -> RecordedNotice:
    """Raises `NoSuchNotice`."""
    found = home.books.notices.find(id)
    if found is None:
        raise NoSuchNotice(id)
    return found


def delivery_log(
    home: Home, *, id: str | None = None, target: str | None = None, limit: int = PAGE_NOTICES
) -> tuple[StoredMessage, ...]:
    """Messages with their attempts, the newest first. Raises `NoSuchNotice`."""
    wanted = None if id is None else find_notice(home, id).notice.id
    return home.books.notices.messages(notice=wanted, target=target, limit=min(limit, MESSAGES_SHOWN_MAX))


def acknowledge(
    home: Home, id: str, *, by: str, reason: str, request: Request | None = None
) -> Acknowledgement:
    """Ends its escalations. The same request again is answered as before; anybody else's is refused. Raises
    `NoSuchNotice`, `Acknowledged`, `RequestClash` or `MalformedClosing`.
    """
    person, why = checked_line("name", by, NAME_LENGTH_MAX), checked_line("reason", reason, REASON_LENGTH_MAX)
    if request is not None:
        before = home.books.notices.acknowledged_by_request(
            api_key=request.api_key, idempotency_key=request.idempotency_key
        )
        if before is not None:
            if not before.notice.startswith(id) or before.request_sha256 != request.sha256:
                raise RequestClash
            return before
    recorded = find_notice(home, id)
    given = Acknowledgement(
        notice=recorded.notice.id,
        person=person,
        reason=why,
        at=home.clock.now(),
        api_key=None if request is None else request.api_key,
        idempotency_key=None if request is None else request.idempotency_key,
        request_sha256=None if request is None else request.sha256,
    )
    standing = home.books.notices.acknowledge(given)
    if standing != given and not _is_same_request(standing, request):
        raise Acknowledged(standing)
    return standing


def resend(home: Home, id: str, *, target: str) -> None:
    """A new message with the same id, due at once. Raises `NoSuchNotice`, `NoSuchTarget` or
    `TargetNotReady`."""
    recorded = find_notice(home, id)
    found = own_notice_target(home, target) or target_in_force(home, target)
    if not may_carry(found, recorded.notice):
        raise NoSuchTarget(target)
    if not found.enabled:
        why = "nobody carries mail for customers here: let a target of the catalog say carries_customers"
        raise TargetNotReady(target, why)
    if not may_be_sent(found, recorded.notice):
        verb = f"`tieout notice own verify {target.rpartition('/')[2]} CODE --customer {found.owner}`"
        raise TargetNotReady(target, f"its mailbox has not given back the code that was sent there ({verb})")
    home.books.notices.resend(recorded.notice.id, found, at=home.clock.now())


def try_target(home: Home, key: str) -> Sent:
    """Sends a test letter now, past outbox and quiet hours; nothing is recorded. Raises `NoSuchTarget`."""
    now = home.clock.now()
    test = Notice(
        id=notice_id("test", home.entropy.token(16).hex()),
        kind="test",
        customer=None,
        severity=Severity.INFO,
        at=now,
        watermark=None,
        title="A test of this target",
        text="Somebody asked Tieout to try it. Nothing has happened.",
    )
    return home.post.send(Letter(test.id, (test,)), target_in_force(home, key), now=now)


def target_in_force(home: Home, key: str) -> NoticeTarget:
    """Raises `NoSuchTarget`."""
    found = load_catalog(home).notice_targets.at(key, home.clock.now())
    if found is None or not found.enabled:
        raise NoSuchTarget(key)
    return found


def set_secret(home: Home, name: str, value: str, *, keep_hours: int) -> None:
    """In use from now on; the one before it stays valid for so many hours. Raises `UnusableSecret`."""
    if not value.strip() or len(value) > SECRET_LENGTH_MAX or not value.strip().isprintable():
        raise UnusableSecret(f"a secret is one printable line of 1 to {SECRET_LENGTH_MAX} characters")
    now = home.clock.now()
    until = Instant(now + keep_hours * HOUR_MICROSECONDS)
    home.secrets.put(name, value.strip(), at=now, old_until=until)


def make_secret(home: Home, name: str, *, keep_hours: int) -> str:
    """A new signing secret of a webhook, which the receiver needs; it is shown this once."""
    value = "whsec_" + base64.b64encode(home.entropy.token(SECRET_BYTES)).decode()
    set_secret(home, name, value, keep_hours=keep_hours)
    return value


def remove_secret(home: Home, name: str) -> None:
    """Raises `NoSuchSecret`."""
    if not home.secrets.remove(name):
        raise NoSuchSecret(name)


def held_secrets(home: Home) -> tuple[HeldSecret, ...]:
    return home.secrets.held()


def egress_rules(home: Home) -> EgressRules:
    return home.egress.rules()


def change_egress(
    home: Home,
    *,
    allow_private: bool | None,
    ports: Sequence[int] | None,
    customers_private: bool | None = None,
) -> EgressRules:
    """None leaves a setting as it is."""
    before = home.egress.rules()
    private = before.allow_private if allow_private is None else allow_private
    customers = before.customers_private if customers_private is None else customers_private
    rules = EgressRules(private, before.ports if ports is None else frozenset(ports), customers)
    home.egress.change(rules)
    return rules


def recorded_json(recorded: RecordedNotice) -> dict[str, object]:
    """A notice as the interface and `--json` show it."""
    seen = recorded.acknowledgement
    return {
        **notice_json(recorded.notice),
        "recorded_at": format_instant(recorded.recorded_at),
        "acknowledged": None if seen is None else acknowledgement_json(seen),
    }


def acknowledgement_json(seen: Acknowledgement) -> dict[str, object]:
    return {
        "notice": seen.notice,
        "person": seen.person,
        "reason": seen.reason,
        "at": format_instant(seen.at),
    }


def message_json(stored: StoredMessage) -> dict[str, object]:
    """A message with its attempts."""
    return {
        "message": stored.id,
        "id": stored.wire_id,
        "target": stored.target,
        "occasion": stored.occasion,
        "state": stored.state.value,
        "notices": list(stored.notices),
        "created_at": format_instant(stored.created_at),
        "due_at": format_instant(stored.due_at),
        "ended_at": None if stored.ended_at is None else format_instant(stored.ended_at),
        "detail": stored.detail,
        "attempts": [
            {
                "attempt": each.ordinal,
                "target_version": each.target_version,
                "started_at": format_instant(each.started_at),
                "ended_at": format_instant(each.ended_at),
                "outcome": each.outcome.value,
                "status": each.status,
                "detail": each.detail,
                "next_at": None if each.next_at is None else format_instant(each.next_at),
            }
            for each in stored.attempts
        ],
    }


def _is_same_request(standing: Acknowledgement, request: Request | None) -> bool:
    return request is not None and (
        standing.api_key,
        standing.idempotency_key,
        standing.request_sha256,
    ) == (request.api_key, request.idempotency_key, request.sha256)
