"""Targets of customers' own: set, verified, given a new secret; and as the outbox knows them.

A webhook's secret is made here and shown once. A mailbox is asked first: whoever reads it gives back the code
that was sent there, so that nobody's mailbox is filled by a stranger.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from ipaddress import ip_address

from tieout.contract.catalog import Catalog
from tieout.contract.notice_target import Channel, NoticeTarget, Severity
from tieout.contract.own_target import (
    ROOT_SECRET,
    OwnTarget,
    as_notice_target,
    own_secret,
    own_target_key,
    own_target_of,
    secret_digest,
    verification_code,
)
from tieout.contract.target_url import TargetUrl
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.home import Home
from tieout.flows.own_changes import (
    Change,
    NoSuchSetting,
    OwnRefused,
    Table,
    change_target,
    known_customer,
    record_own,
    standing_at,
)
from tieout.flows.own_settings import CustomerSettings, own_book
from tieout.kernel.canonical import canonical_json
from tieout.kernel.errors import Refusal
from tieout.kernel.ids import CustomerId, NoticeId
from tieout.kernel.instant import Instant
from tieout.notice.egress import HTTPS_PORTS, EgressRules, refused_address, refused_port
from tieout.notice.notice import Notice, data_text, notice_id
from tieout.notice.routing import VERIFICATION
from tieout.ports.own_settings import Decided, Setting, SettingKind

ROOT_BYTES = 32


class WrongCode(Refusal):
    """Not the code that was sent to the mailbox for the target as it is now."""

    code = "wrong-code"

    def __init__(self, key: str) -> None:
        super().__init__(f"This is not the code that was last sent to the mailbox of target {key}.")


@dataclass(frozen=True, slots=True)
class SetTarget:
    """`secret`: what a webhook is signed with from now on; shown this once, where it is new."""

    target: OwnTarget
    secret: str | None = None


def set_target(home: Home, customer: str, key: str, table: Table, by: Decided) -> SetTarget:
    """Raises what `set_alert` raises."""

    def more(settings: CustomerSettings, target: OwnTarget) -> Change:
        now = target.effective_from
        standing = settings.targets(now).get(key)
        if target.url is not None:
            refused = _refused_url(target.url, home.egress.rules().of_customers())
            if refused is not None:
                raise OwnRefused("target", [("url", refused)])
            is_signed = standing is not None and standing.channel is Channel.WEBHOOK
            return Change() if is_signed else _new_secret(home, settings, key, by, now)
        if carrier(load_catalog(home), now) is None:
            why = "nobody carries mail for customers here: ask the operator for a webhook or a mail server"
            raise OwnRefused("target", [("kind", why)])
        is_known = standing is not None and standing.verified and standing.address == target.address
        return Change() if is_known else Change(notices=(_question(home, target),))

    target, recorded = change_target(home, customer, key, table, by, more=more)
    return SetTarget(target, recorded.secret)


def rotate_own_secret(home: Home, customer: str, key: str, by: Decided) -> SetTarget:
    """A new secret; the one before stays valid for a day. Raises `NoSuchSetting`, `OwnRefused`."""
    who = known_customer(home, customer)

    def decide(settings: CustomerSettings, now: Instant) -> Change:
        if _target(settings, key, now).channel is not Channel.WEBHOOK:
            raise OwnRefused("secret", [("", f"target {key} is no webhook, and has none")])
        return _new_secret(home, settings, key, by, now)

    secret = record_own(home, who, decide).secret
    return SetTarget(_target(own_book(home).of(who), key, standing_at(home, who)), secret)


def verify_target(home: Home, customer: str, key: str, code: str, by: Decided) -> OwnTarget:
    """Raises `WrongCode`, `NoSuchSetting`, `OwnRefused`. Again, with the same code, changes nothing."""
    who = known_customer(home, customer)

    def decide(settings: CustomerSettings, now: Instant) -> Change:
        target = _target(settings, key, now)
        if target.channel is not Channel.EMAIL:
            raise OwnRefused("verification", [("", f"target {key} is a webhook, and needs none")])
        roots = home.secrets.valid(ROOT_SECRET, now=now)
        codes = [verification_code(root, who, key, target.version) for root in roots]
        if not any(hmac.compare_digest(each.encode(), code.strip().encode()) for each in codes):
            raise WrongCode(key)
        if target.verified:
            return Change()
        return Change((Setting(who, SettingKind.VERIFICATION, key, target.version, "{}", by, now),))

    record_own(home, who, decide)
    return _target(own_book(home).of(who), key, standing_at(home, who))


def carrier(catalog: Catalog, now: Instant) -> NoticeTarget | None:
    """By whose mail server mail to customers' own mailboxes goes."""
    found = (catalog.notice_targets.at(key, now) for key in catalog.notice_targets.keys)
    return next(
        (each for each in found if each is not None and each.enabled and each.carries_customers), None
    )


def own_notice_targets(home: Home, customer: CustomerId) -> list[NoticeTarget]:
    """All of the customer's, ready or not, as the outbox knows them."""
    at = standing_at(home, customer)
    mail = carrier(load_catalog(home), at)
    return [as_notice_target(each, mail) for each in own_book(home).of(customer).targets(at).values()]


def own_notice_target(home: Home, key: str) -> NoticeTarget | None:
    """By the key that messages name."""
    whose = own_target_of(key)
    if whose is None:
        return None
    return next((each for each in own_notice_targets(home, whose[0]) if each.key == key), None)


def _target(settings: CustomerSettings, key: str, at: Instant) -> OwnTarget:
    found = settings.targets(at).get(key)
    if found is None:
        raise NoSuchSetting(settings.customer, SettingKind.TARGET, key)
    return found


def _root(home: Home) -> str:
    now = home.clock.now()
    return home.secrets.once(ROOT_SECRET, home.entropy.token(ROOT_BYTES).hex(), at=now)


def _new_secret(home: Home, settings: CustomerSettings, key: str, by: Decided, now: Instant) -> Change:
    generation = settings.next_version(SettingKind.SECRET, key)
    value = own_secret(_root(home), settings.customer, key, generation)
    body = canonical_json({"digest": secret_digest(value)})
    setting = Setting(settings.customer, SettingKind.SECRET, key, generation, body, by, now)
    return Change((setting,), secret=value)


def _question(home: Home, target: OwnTarget) -> Notice:
    code = verification_code(_root(home), target.customer, target.key, target.version)
    return Notice(
        _question_id(target),
        VERIFICATION,
        target.customer,
        Severity.INFO,
        target.effective_from,
        None,
        "Shall notices go to this mailbox?",
        f"Customer {target.customer} has named it as {target.key}. If that is right, its code is {code}\n"
        "If it is not, do nothing: nothing more is sent.",
        data_text({"targets": [own_target_key(target.customer, target.key)]}),
    )


def _question_id(target: OwnTarget) -> NoticeId:
    return notice_id(VERIFICATION, target.customer, target.key, str(target.version))


def _refused_url(url: TargetUrl, rules: EgressRules) -> str | None:
    """What can be known before the name is resolved; every attempt judges what it resolves to."""
    if url.scheme != "https" and not rules.allow_private:
        return "plain http is refused; write https"
    try:
        ip_address(url.host)
    except ValueError:
        return refused_port(url.port, HTTPS_PORTS, rules)
    address = refused_address(url.host, rules)
    return refused_port(url.port, HTTPS_PORTS, rules) if address is None else f"{url.host} {address}"
