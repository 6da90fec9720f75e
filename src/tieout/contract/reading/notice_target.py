"""[[notice_target]]: key, version, effective_from, kind, url, address, secret, takes, severity, customers,
digest_minutes, attempts_max, carries_customers, enabled; [notice_target.server], [notice_target.quiet_hours],
[[notice_target.escalation]], escalation_severity."""

from __future__ import annotations

import re
from typing import Final

from tieout.contract.notice_target import (
    ATTEMPTS_MAX,
    KIND_PATTERN,
    Channel,
    Escalation,
    MailSecurity,
    MailServer,
    NoticeTarget,
    QuietHours,
    Severity,
)
from tieout.contract.reading.head import Head
from tieout.contract.reading.table import TableReader
from tieout.contract.target_url import MalformedTargetUrl, TargetUrl, check_host, parse_target_url
from tieout.kernel.errors import shown
from tieout.kernel.ids import NoticeTargetKey
from tieout.kernel.zone import UnknownZone, zone

ATTEMPTS_LIMIT: Final = 20
DIGEST_MINUTES_MAX: Final = 7 * 24 * 60
ESCALATION_MINUTES_MAX: Final = 30 * 24 * 60
ESCALATIONS_MAX: Final = 10
MAILBOX_LENGTH_MAX: Final = 254
SECRET_PATTERN: Final = re.compile(r"[a-z][a-z0-9-]{0,63}\Z")
_MAILBOX = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,190}\Z", re.ASCII)
_MINUTE = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])\Z", re.ASCII)
_MEMBERS: Final = {
    Channel.WEBHOOK: ("url", "secret"),
    Channel.SLACK: ("secret",),
    Channel.EMAIL: ("address", "server"),
}
_OTHERS: Final = {
    Channel.WEBHOOK: ("address", "server"),
    Channel.SLACK: ("url", "address", "server"),
    Channel.EMAIL: ("url",),
}


def read_notice_target(reader: TableReader, head: Head) -> NoticeTarget:
    """A webhook has `url` and `secret`, Slack `secret` (its address is one), e-mail `address` and `server`,
    with `secret` where the server asks for an account.
    """
    channel = reader.choice("kind", Channel)
    for name in _MEMBERS[channel]:
        if not reader.has(name):
            reader.problem(name, f"is missing: a target of kind {channel.value} needs it")
    for name in _OTHERS[channel]:
        if reader.has(name):
            reader.problem(name, f"has no use: a target of kind {channel.value} has none")
    server = _server(reader) if channel is Channel.EMAIL else None
    secret = _secret(reader)
    if server is not None and (server.username is None) != (secret is None):
        reader.problem("secret", "and server.username stand together: the password's name, and whose it is")
    return NoticeTarget(
        key=NoticeTargetKey(head.key),
        version=head.version,
        effective_from=head.effective_from,
        channel=channel,
        url=read_url(reader) if channel is Channel.WEBHOOK and reader.has("url") else None,
        address=read_mailbox(reader, "address")
        if channel is Channel.EMAIL and reader.has("address")
        else None,
        server=server,
        secret=secret,
        kinds=_kinds(reader),
        severity=reader.choice("severity", Severity, default=Severity.INFO),
        customers=reader.texts("customers"),
        quiet=read_quiet(reader),
        digest_minutes=reader.integer("digest_minutes", minimum=0, maximum=DIGEST_MINUTES_MAX, default=0),
        escalations=_escalations(reader),
        escalation_severity=reader.choice("escalation_severity", Severity, default=Severity.CRITICAL),
        attempts_max=reader.integer("attempts_max", minimum=1, maximum=ATTEMPTS_LIMIT, default=ATTEMPTS_MAX),
        enabled=reader.boolean("enabled", default=True),
        digest=head.digest,
        carries_customers=_carries(reader, channel),
    )


def _carries(reader: TableReader, channel: Channel) -> bool:
    carries = reader.boolean("carries_customers", default=False)
    if carries and channel is not Channel.EMAIL:
        reader.problem("carries_customers", "means nothing but to kind email: its server carries the mail")
    return carries


def read_url(reader: TableReader) -> TargetUrl | None:
    """Required `url`; None where it is none that a notice may be sent to."""
    text = reader.text("url")
    if not text:
        return None
    try:
        return parse_target_url(text)
    except MalformedTargetUrl as error:
        reader.problem("url", f"is {error}")
        return None


def _secret(reader: TableReader) -> str | None:
    name = reader.optional_text("secret")
    if name and SECRET_PATTERN.match(name) is None:
        reader.problem(
            "secret",
            "is the name of a secret (lower-case letters, digits, hyphens), never the secret itself: "
            "`tieout notice secret set NAME` stores that",
        )
    return name


def read_mailbox(reader: TableReader, name: str) -> str:
    text = reader.text(name, length_max=MAILBOX_LENGTH_MAX)
    if text and not is_mailbox(text):
        reader.problem(name, f"{shown(text)} is not one plain address such as ops@example.com")
    return text


def is_mailbox(text: str) -> bool:
    """One ASCII address without display name, comment or quoting: nothing that a header reads as more."""
    local, _, domain = text.rpartition("@")
    if _MAILBOX.match(text) is None or ".." in text or local[:1] == "." or local[-1:] == ".":
        return False
    try:
        check_host(domain)
    except MalformedTargetUrl:
        return False
    return True


def _server(reader: TableReader) -> MailServer | None:
    inner = reader.table("server")
    if inner is None:
        return None
    host = inner.text("host")
    if host:
        try:
            host = check_host(host)
        except MalformedTargetUrl as error:
            inner.problem("host", str(error).partition(": ")[2])
    security = inner.choice("security", MailSecurity, default=MailSecurity.STARTTLS)
    server = MailServer(
        host=host,
        port=inner.integer(
            "port", minimum=1, maximum=65_535, default=465 if security is MailSecurity.TLS else 587
        ),
        security=security,
        username=inner.optional_text("username"),
        sender=read_mailbox(inner, "sender"),
    )
    inner.finish()
    return server


def _kinds(reader: TableReader) -> tuple[str, ...]:
    found = reader.texts("takes")
    for place, text in enumerate(found):
        if text and KIND_PATTERN.match(text.removesuffix(".*")) is None:
            reader.problem(f"takes[{place}]", f"{shown(text)} is no kind such as alert.crossed, or alert.*")
    return found


def read_quiet(reader: TableReader) -> QuietHours | None:
    inner = reader.table("quiet_hours")
    if inner is None:
        return None
    name = inner.text("zone")
    try:
        if name:
            zone(name)
    except UnknownZone as error:
        inner.problem("zone", str(error).removesuffix("."))
    quiet = QuietHours(_minute(inner, "from"), _minute(inner, "until"), name)
    if quiet.start_minute == quiet.end_minute:
        inner.problem("until", "is the same as from; a target that is never told is enabled = false")
    inner.finish()
    return quiet


def _minute(reader: TableReader, name: str) -> int:
    text = reader.text(name)
    match = _MINUTE.match(text)
    if match is None:
        if text:
            reader.problem(name, f"{shown(text)} is not a time of the day such as 22:00")
        return 0
    return int(match[1]) * 60 + int(match[2])


def _escalations(reader: TableReader) -> tuple[Escalation, ...]:
    found = []
    for inner in reader.tables("escalation"):
        minutes = inner.integer("after_minutes", minimum=1, maximum=ESCALATION_MINUTES_MAX)
        found.append(Escalation(minutes, NoticeTargetKey(inner.reference("to"))))
        inner.finish()
    if len(found) > ESCALATIONS_MAX:
        reader.problem("escalation", f"has {len(found)} steps; at most {ESCALATIONS_MAX} are allowed")
    return tuple(found)
