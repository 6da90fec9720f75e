"""Where a customer wants to be told: its own endpoint or mailbox. Nobody else's notices go there, and its own
go nowhere else.

The secret of a webhook is derived from one that the home holds and from whose target it is, so that nothing
has to be stored for each customer, and no two have the same.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from tieout.contract.notice_target import (
    ATTEMPTS_MAX,
    Channel,
    MailServer,
    NoticeTarget,
    QuietHours,
    Severity,
)
from tieout.contract.target_url import TargetUrl
from tieout.kernel.canonical import token
from tieout.kernel.ids import CustomerId, NoticeTargetKey
from tieout.kernel.instant import Instant

OWN_TARGETS_MAX: Final = 5
"""Of one customer at a time."""
OWN_MARK: Final = "@"
"""Keys of the catalog begin with a letter or a digit: no document can name a customer's target."""
ROOT_SECRET: Final = "customer-targets"  # noqa: S105 - its name
"""The name of the secret from which those of customers' targets are derived."""
CODE_LENGTH: Final = 20
SECRET_DIGEST_LENGTH: Final = 16


@dataclass(frozen=True, slots=True)
class OwnTarget:
    """A webhook has `url`, a mailbox `address`, which is written to once its reader has `verified` it.
    `secrets` are the generations that a webhook is signed with, the newest first: two during a rotation."""

    customer: CustomerId
    key: str
    version: int
    effective_from: Instant
    channel: Channel
    url: TargetUrl | None
    address: str | None
    quiet: QuietHours | None
    digest_minutes: int
    secrets: tuple[int, ...] = ()
    verified: bool = False

    @property
    def is_ready(self) -> bool:
        return self.channel is Channel.WEBHOOK or self.verified


def own_target_key(customer: CustomerId, key: str) -> NoticeTargetKey:
    """As messages name it; `own_target_of` is the way back. `key` has no slash."""
    return NoticeTargetKey(f"{OWN_MARK}{customer}/{key}")


def own_target_of(key: str) -> tuple[CustomerId, str] | None:
    """Whose target a message names, and which; None: one of the catalog's."""
    if not key.startswith(OWN_MARK):
        return None
    customer, _, name = key[len(OWN_MARK) :].rpartition("/")
    return CustomerId(customer), name


def as_notice_target(target: OwnTarget, carrier: NoticeTarget | None) -> NoticeTarget:
    """As the outbox knows it; mail goes by the server of `carrier`, and not at all without one."""
    mail: MailServer | None = None if carrier is None else carrier.server
    by_mail = target.channel is Channel.EMAIL
    secret = f"{ROOT_SECRET}#{_named(target.customer, target.key)}#{','.join(map(str, target.secrets))}"
    return NoticeTarget(
        key=own_target_key(target.customer, target.key),
        version=target.version,
        effective_from=target.effective_from,
        channel=target.channel,
        url=target.url,
        address=target.address,
        server=mail if by_mail else None,
        secret=(None if carrier is None else carrier.secret) if by_mail else secret,
        kinds=(),
        severity=Severity.INFO,
        customers=(target.customer,),
        quiet=target.quiet,
        digest_minutes=target.digest_minutes,
        escalations=(),
        escalation_severity=Severity.CRITICAL,
        attempts_max=ATTEMPTS_MAX,
        enabled=not by_mail or mail is not None,
        digest="",
        owner=target.customer,
        is_ready=target.is_ready,
    )


def own_secrets(name: str, roots: Sequence[str]) -> tuple[str, ...] | None:
    """The secrets that a target names, the newest first; None where the name is not of this kind."""
    root, _, rest = name.partition("#")
    whose, _, generations = rest.rpartition("#")
    if root != ROOT_SECRET or not whose:
        return None
    return tuple(_secret(each, whose, generation) for each in roots for generation in generations.split(","))


def own_secret(root: str, customer: CustomerId, key: str, generation: int) -> str:
    """What the receiver checks signatures with."""
    return _secret(root, _named(customer, key), str(generation))


def secret_digest(secret: str) -> str:
    """By which a machine sees that it holds another root than the one that the secret was shown of."""
    return sha256(secret.encode()).hexdigest()[:SECRET_DIGEST_LENGTH]


def verification_code(root: str, customer: CustomerId, key: str, version: int) -> str:
    """80 bits: what is written to a mailbox, so that its reader can say that it is meant."""
    return _derived(root, "code", _named(customer, key), str(version)).hex()[:CODE_LENGTH]


def _secret(root: str, whose: str, generation: str) -> str:
    return "whsec_" + base64.b64encode(_derived(root, "webhook", whose, generation)).decode()


def _named(customer: str, key: str) -> str:
    return own_target_key(CustomerId(customer), key)


def _derived(root: str, *facts: str) -> bytes:
    said = b"".join(token(each.encode()) for each in facts)
    return hmac.new(root.encode(), said, sha256).digest()
