"""Where notices go: an endpoint, a Slack channel or a mailbox; which ones, when, and to whom next.

Secrets are named here and stored elsewhere: a signing secret of a webhook, a mail account's password, and the
whole address of a Slack channel, which is a secret itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tieout.contract.target_url import TargetUrl
from tieout.kernel.ids import CustomerId, NoticeTargetKey
from tieout.kernel.instant import Instant

KIND_PATTERN: Final = re.compile(r"[a-z][a-z0-9-]{0,31}(?:\.[a-z][a-z0-9-]{0,31}){0,3}\Z")
ATTEMPTS_MAX: Final = 12
"""Where the target does not say: with the pauses of `notice/retry.py` that is about two days."""


class Severity(StrEnum):
    """How urgent it is; critical passes quiet hours and digests."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


class Channel(StrEnum):
    """How a target is reached."""

    WEBHOOK = "webhook"
    SLACK = "slack"
    EMAIL = "email"


class MailSecurity(StrEnum):
    """`tls` from the first byte, `starttls` before anything is said, or none (a receiver of one's own)."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class MailServer:
    """The server that takes mail for sending; `username` None: it asks for no account."""

    host: str
    port: int
    security: MailSecurity
    username: str | None
    sender: str


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Half-open on the clocks of `zone`, in minutes of the day; one that ends before it starts runs over
    midnight.
    """

    start_minute: int
    end_minute: int
    zone: str


@dataclass(frozen=True, slots=True)
class Escalation:
    """Nobody acknowledged for so long: `to` is told as well."""

    after_minutes: int
    to: NoticeTargetKey


@dataclass(frozen=True, slots=True)
class NoticeTarget:
    """`url` for a webhook, `address` and `server` for e-mail; Slack's address is the secret. `kinds`: exact
    ones, and beginnings that end in `.*`; empty: all. `customers` empty: everybody's, and those about no
    customer. `digest_minutes` 0: each at once. Escalations are for notices of `escalation_severity` or above.
    With `carries_customers` its mail server carries mail to mailboxes that customers have named themselves.
    `owner`: the customer whose own target it is (`own_target.py`), which is `is_ready` once it is verified.
    """

    key: NoticeTargetKey
    version: int
    effective_from: Instant
    channel: Channel
    url: TargetUrl | None
    address: str | None
    server: MailServer | None
    secret: str | None
    kinds: tuple[str, ...]
    severity: Severity
    customers: tuple[str, ...]
    quiet: QuietHours | None
    digest_minutes: int
    escalations: tuple[Escalation, ...]
    escalation_severity: Severity
    attempts_max: int
    enabled: bool
    digest: str
    carries_customers: bool = False
    owner: CustomerId | None = None
    is_ready: bool = True
