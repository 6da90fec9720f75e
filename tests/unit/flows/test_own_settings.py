"""What customers set for themselves: what is refused, what stands, who is told, and that no way leads to
anybody else's.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook

from tests.own_home import ALERT, BY_KEY, mailbox, own_home, webhook
from tests.receivers import receiver
from tests.ruled_home import HOLD, apply_rules, send
from tests.small_home import call
from tieout.contract.notice_target import NoticeTarget
from tieout.contract.own_alert import OWN_ALERTS_MAX
from tieout.contract.own_target import OwnTarget, as_notice_target, own_secret, own_target_key, own_target_of
from tieout.contract.reading.own import read_own_target
from tieout.contract.reading.table import Findings
from tieout.flows.deliver_notices import deliver_due
from tieout.flows.look_at_rules import look_to_head
from tieout.flows.notices import NoSuchTarget, resend
from tieout.flows.own_changes import (
    CHANGES_PER_DAY_MAX,
    NoSuchSetting,
    OwnRefused,
    TargetInUse,
    TooManySettings,
    remove_own,
    set_alert,
    set_budget,
)
from tieout.flows.own_document import own_changes, own_decisions, own_target
from tieout.flows.own_settings import own_book
from tieout.flows.own_targets import WrongCode, rotate_own_secret, set_target, verify_target
from tieout.flows.retract_event import Decision, retract_event
from tieout.flows.verify_books import verify_books
from tieout.kernel.canonical import JsonNumber
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant
from tieout.notice.routing import may_carry, route, takes
from tieout.ports.own_settings import SettingKind
from tieout.wiring import Home, open_home

JAN_10 = "2026-01-10T12:00:00Z"
ACME, BIRCH = CustomerId("acme"), CustomerId("birch")


def test_who_set_what_is_on_record_and_the_same_again_changes_nothing(tmp_path: Path) -> None:
    home, clock = own_home(tmp_path / "home")
    with home:
        first = set_budget(home, "acme", {"amount": "100.00"}, BY_KEY)
        assert (first.currency, first.version) == ("USD", 1)
        assert set_budget(home, "acme", {"amount": "100.00"}, BY_KEY) == first
        clock.set_to(Instant(clock.now() + 1))
        assert set_budget(home, "acme", {"amount": "200.00"}, BY_KEY).version == 2
        remove_own(home, "acme", SettingKind.BUDGET, "", BY_KEY)
        with pytest.raises(NoSuchSetting):
            remove_own(home, "acme", SettingKind.BUDGET, "", BY_KEY)
        assert set_budget(home, "acme", {"amount": "200.00"}, BY_KEY).version == 4, "never counted anew"
        said = [(each.version, each.body, each.by.api_key) for each in own_decisions(home, "acme")]
        assert said == [
            (1, '{"amount":"100.00","currency":"USD"}', "k1"),
            (2, '{"amount":"200.00","currency":"USD"}', "k1"),
            (3, None, "k1"),
            (4, '{"amount":"200.00","currency":"USD"}', "k1"),
        ]
        assert own_decisions(home, "birch") == []
        before = own_book(home)
    with open_home(tmp_path / "home", clock=clock) as again:
        assert own_book(again) == before, "state is what the rows say"


def test_all_problems_are_named_at_once(tmp_path: Path) -> None:
    home, _ = own_home(tmp_path / "home")
    with home:
        wrong = {
            **ALERT,
            "meter": "secret-meter",
            "at": ["500", "300"],
            "targets": ["nowhere"],
            "action": "hold",
        }
        with pytest.raises(OwnRefused) as refused:
            set_alert(home, "acme", "Big!", wrong, BY_KEY)
        names = [name for name, _ in refused.value.problems]
        assert names == ["", "at[1]", "action", "meter", "targets[0]"]
        assert "calls, stored, tokens" in str(refused.value), "what the customer may watch"
        for table, name in (
            ({"amount": "1", "currency": "EUR"}, "currency"),
            ({"amount": "0"}, "amount"),
            ({"amount": "1.005"}, "amount"),
            ({}, "amount"),
        ):
            with pytest.raises(OwnRefused) as refused:
                set_budget(home, "acme", table, BY_KEY)  # type: ignore[arg-type] # wrong on purpose
            assert [each for each, _ in refused.value.problems] == [name]
        for figure in ("growth", "contract_end"):
            with pytest.raises(OwnRefused, match="usage, exposure, projected"):
                set_alert(home, "acme", "a", {"watch": figure, "at": ["1"]}, BY_KEY)
        assert own_decisions(home, "acme") == []


def test_limits_are_said(tmp_path: Path) -> None:
    home, _ = own_home(tmp_path / "home")
    with home:
        for number in range(OWN_ALERTS_MAX):
            set_alert(home, "acme", f"a{number}", ALERT, BY_KEY)
        with pytest.raises(TooManySettings, match="20 alerts"):
            set_alert(home, "acme", "more", ALERT, BY_KEY)
        for number in range(5):
            set_target(home, "acme", f"t{number}", webhook("https://example.com/x"), BY_KEY)
        with pytest.raises(TooManySettings, match="5 targets"):
            set_target(home, "acme", "more", webhook("https://example.com/x"), BY_KEY)
        for number in range(CHANGES_PER_DAY_MAX - 30):
            set_budget(home, "acme", {"amount": str(number + 1)}, BY_KEY)
        with pytest.raises(TooManySettings, match="100 changes"):
            set_budget(home, "acme", {"amount": "1000"}, BY_KEY)
        set_budget(home, "birch", {"amount": "1"}, BY_KEY)


def test_a_crossing_reaches_the_customers_own_target_alone(tmp_path: Path) -> None:
    """Crossed, taken back, crossed again; birch watches the same, and the operator holds at 400."""
    with receiver("http", tmp_path / "got") as running:
        home, clock = own_home(tmp_path / "home")
        with home:
            apply_rules(home, HOLD)
            made = set_target(home, "acme", "hook", webhook(running.url("/ok/acme")), BY_KEY)
            set_target(home, "birch", "hook", webhook(running.url("/ok/birch")), BY_KEY)
            for customer in (ACME, BIRCH):
                set_alert(home, customer, "many", {**ALERT, "targets": ["hook"]}, BY_KEY)
            look_to_head(home)
            send(home, clock, call(1, "acme", JAN_10, tokens=600))
            retract_event(home, source="gateway", event_id="e1", decision=Decision("sent in error", "Ada"))
            send(home, clock, call(2, "acme", JAN_10, tokens=450))
            look_to_head(home)
            look_to_head(home)
            assert sum(deliver_due(home).attempts.values()) == 3
            alert = own_book(home).of(ACME).alerts(clock.now())["many"]
            told = [
                (str(e.change.threshold), e.change.kind.value, e.change.ordinal)
                for e in own_changes(home, alert)
            ]
            assert told[::-1] == [
                *(("300", "crossed", 1), ("500", "crossed", 1)),
                *(("300", "rearmed", 1), ("500", "rearmed", 1)),
                ("300", "crossed", 2),
            ]
            notices = [each.notice for each in home.books.notices.unrouted(100)]
            assert notices == [], "all are routed"
            assert made.secret is not None
        got = running.got()
    assert [each["path"] for each in got] == ["/ok/acme"] * 3
    assert len({each["headers"]["webhook-id"] for each in got}) == 3
    for each in got:
        signed = datetime.fromtimestamp(int(each["headers"]["webhook-timestamp"]), UTC)
        expected = Webhook(made.secret).sign(each["headers"]["webhook-id"], signed, each["body"])
        assert each["headers"]["webhook-signature"] == expected
        assert not re.search("birch|cedar|stop", each["body"])


def test_a_mailbox_is_asked_before_it_is_used(tmp_path: Path) -> None:
    with receiver("smtp", tmp_path / "got") as running:
        home, clock = own_home(tmp_path / "home", mail_port=running.port)
        with home:
            target = set_target(home, "acme", "mail", mailbox("a@example.com"), BY_KEY).target
            assert not target.is_ready
            set_alert(home, "acme", "many", ALERT, BY_KEY)
            send(home, clock, call(1, "acme", JAN_10, tokens=350))
            look_to_head(home)
            deliver_due(home)
            (asked,) = running.got()
            code = asked["text"].split("code is ")[1].split()[0]
            for wrong in ("", "0" * 20, code + "0"):
                with pytest.raises(WrongCode):
                    verify_target(home, "acme", "mail", wrong, BY_KEY)
            with pytest.raises(NoSuchSetting):
                verify_target(home, "birch", "mail", code, BY_KEY)
            assert verify_target(home, "acme", "mail", code, BY_KEY).is_ready
            verify_target(home, "acme", "mail", code, BY_KEY)
            send(home, clock, call(2, "acme", JAN_10, tokens=350))
            look_to_head(home)
            deliver_due(home)
            assert [each["to"] for each in running.got()] == [["a@example.com"]] * 2
            assert "usage of acme" in running.got()[1]["text"]
            changed = set_target(home, "acme", "mail", mailbox("b@example.com"), BY_KEY).target
            assert not changed.is_ready, "another mailbox, another question"
            with pytest.raises(WrongCode):
                verify_target(home, "acme", "mail", code, BY_KEY)


def test_secrets_are_shown_once_and_are_nobody_elses(tmp_path: Path) -> None:
    home, clock = own_home(tmp_path / "home")
    with home:
        first = set_target(home, "acme", "hook", webhook("https://example.com/"), BY_KEY)
        assert set_target(home, "acme", "hook", webhook("https://example.com/"), BY_KEY).secret is None
        assert set_target(home, "acme", "hook", webhook("https://example.com/2"), BY_KEY).secret is None
        other = set_target(home, "birch", "hook", webhook("https://example.com/"), BY_KEY)
        second = rotate_own_secret(home, "acme", "hook", BY_KEY)
        assert len({first.secret, second.secret, other.secret, None}) == 4
        valid = home.secrets.valid(wire(home, "acme", "hook").secret or "", now=clock.now())
        assert valid == (second.secret, first.secret)
        clock.set_to(Instant(clock.now() + 25 * HOUR_MICROSECONDS))
        assert home.secrets.valid(wire(home, "acme", "hook").secret or "", now=clock.now()) == (
            second.secret,
        )
        rows = str(own_decisions(home, "acme"))
        assert first.secret not in rows and second.secret not in rows  # type: ignore[operator]


def test_a_target_that_an_alert_names_stays(tmp_path: Path) -> None:
    home, _ = own_home(tmp_path / "home")
    with home:
        set_target(home, "acme", "hook", webhook("https://example.com/"), BY_KEY)
        set_alert(home, "acme", "many", {**ALERT, "targets": ["hook"]}, BY_KEY)
        with pytest.raises(OwnRefused, match=r"targets\[0\]"):
            set_alert(home, "birch", "many", {**ALERT, "targets": ["hook"]}, BY_KEY)
        with pytest.raises(OwnRefused, match=r"targets\[0\]"):
            set_alert(home, "birch", "many", {**ALERT, "targets": ["@acme/hook"]}, BY_KEY)
        with pytest.raises(TargetInUse, match="many"):
            remove_own(home, "acme", SettingKind.TARGET, "hook", BY_KEY)
        remove_own(home, "acme", SettingKind.ALERT, "many", BY_KEY)
        remove_own(home, "acme", SettingKind.TARGET, "hook", BY_KEY)


def test_operators_are_told_of_theirs_and_the_customer_too_only_where_it_is_said(tmp_path: Path) -> None:
    rule = (
        '[[alert]]\nkey = "risky"\nversion = 1\neffective_from = 2026-01-01T00:00:00Z\nname = "Much used"\n'
        'everyone = true\nwatch = "usage"\nmeter = "tokens"\nat = ["100"]\n'
    )
    with receiver("http", tmp_path / "got") as running:
        home, clock = own_home(tmp_path / "home")
        with home:
            apply_rules(home, rule + "customer_too = true\n")
            apply_rules(home, rule.replace("risky", "quiet"))
            set_target(home, "acme", "hook", webhook(running.url("/ok/acme")), BY_KEY)
            send(home, clock, call(1, "acme", JAN_10, tokens=150), call(2, "birch", JAN_10, tokens=150))
            look_to_head(home)
            found = [each.notice for each in home.books.notices.unrouted(100)]
            assert (
                sorted(each.kind for each in found) == ["alert.crossed"] * 4 + ["customer.alert.crossed"] * 2
            )
            assert verify_books(home).findings == (), "each crossing is told to whom it is to be told"
            deliver_due(home)
            operators = next(
                each for each in found if each.kind == "alert.crossed" and each.customer == "acme"
            )
            for target in ("@acme/hook", "@birch/hook", "@/"):
                with pytest.raises(NoSuchTarget):
                    resend(home, operators.id, target=target)
        (got,) = running.got()
        assert "Much used" in got["body"] and not re.search("risky|quiet|birch", got["body"])


def test_an_operators_budget_and_a_customers_are_two(tmp_path: Path) -> None:
    """The fee of 10 USD is 100 % of the operator's budget and 10 % of acme's own."""
    rules = """
[[budget]]
key = "b"
version = 1
effective_from = 2026-01-01T00:00:00Z
customer = "acme"
currency = "USD"
amount = "10.00"
[[charge_control]]
key = "stop"
version = 1
effective_from = 2026-01-01T00:00:00Z
name = "Stop"
customers = ["acme"]
watch = "exposure"
percent_of = "budget"
at = ["100"]
action = "review"
"""
    home, _ = own_home(tmp_path / "home")
    with home:
        apply_rules(home, rules)
        alert = {"watch": "exposure", "percent_of": "budget", "at": ["10", "100"]}
        set_alert(home, "acme", "near", alert, BY_KEY)
        (report,) = look_to_head(home)
        assert [each.rule.key for each in report.changes] == ["stop"], "no own budget, nothing to measure by"
        set_budget(home, "acme", {"amount": "100"}, BY_KEY)
        (report,) = look_to_head(home, everyone=False, also=frozenset({ACME}))
        (change,) = report.changes
        assert (change.rule.key, change.rule.kind.value, str(change.threshold)) == ("near", "own_alert", "10")


def test_no_name_that_a_customer_gives_keeps_a_look_from_its_end(tmp_path: Path) -> None:
    home, clock = own_home(tmp_path / "home")
    with home:
        set_alert(home, "acme", "many", {**ALERT, "name": "a\u00a0b\ue000"}, BY_KEY)
        send(home, clock, call(1, "acme", JAN_10, tokens=350))
        assert len(look_to_head(home)[-1].changes) == 1


KEYS = st.sampled_from(["acme", "acme/a", "a", "birch", "@acme", "acme/hook"])
NAMES = st.sampled_from(["hook", "a", "b-c"])


@given(KEYS, NAMES, KEYS, NAMES, st.booleans())
@settings(max_examples=200, deadline=None)
def test_a_notice_for_a_customer_goes_to_targets_of_its_own_and_nothing_else_does(
    owner: str, name: str, about: str, named: str, for_customer: bool
) -> None:
    from tests.notices import notice

    findings = Findings()
    table = webhook("https://example.com/")
    own = read_own_target(table, findings, customer=CustomerId(owner), key=name, version=1, at=Instant(0))
    target = as_notice_target(own, None)
    assert own_target_of(target.key) == (owner, name), "no two customers' targets have one key"
    kind = "customer.alert.crossed" if for_customer else "alert.crossed"
    wanted = own_target_key(CustomerId(owner), named)
    for data in ("{}", f'{{"targets":["{wanted}"]}}'):
        said = notice(kind=kind, customer=about, data=data)
        assert may_carry(target, said) == (for_customer and owner == about), "as the deliverer asks again"
        is_taken = takes(target, said)
        assert is_taken == (for_customer and owner == about and (data == "{}" or named == name))
        routed = route(said, [target, catalog_target()], now=Instant(0))
        for each in routed.addressed:
            assert (each.target == "ops") != for_customer


@given(KEYS, NAMES, KEYS, NAMES)
@settings(max_examples=100, deadline=None)
def test_no_two_targets_have_one_secret(one: str, name: str, other: str, named: str) -> None:
    first, second = (own_secret("root", CustomerId(c), k, 1) for c, k in ((one, name), (other, named)))
    assert (first == second) == ((one, name) == (other, named))


def catalog_target() -> NoticeTarget:
    from dataclasses import replace

    own = OwnTarget(ACME, "x", 1, Instant(0), *(None,) * 4, digest_minutes=0)  # type: ignore[arg-type,misc]
    made = as_notice_target(own, None)
    return replace(made, key="ops", owner=None, customers=(), enabled=True, is_ready=True)  # type: ignore[arg-type]


def wire(home: Home, customer: str, key: str) -> NoticeTarget:
    return as_notice_target(own_target(home, customer, key), None)


def test_what_waits_for_a_mailbox_is_not_sent_to_another_that_takes_its_name(tmp_path: Path) -> None:
    with receiver("smtp", tmp_path / "got") as running:
        home, clock = own_home(tmp_path / "home", mail_port=running.port)
        with home:
            mine = {**mailbox("a@example.com"), "digest_minutes": JsonNumber("60")}
            set_target(home, "acme", "mail", mine, BY_KEY)
            deliver_due(home)
            code = running.got()[0]["text"].split("code is ")[1].split()[0]
            verify_target(home, "acme", "mail", code, BY_KEY)
            set_alert(home, "acme", "many", ALERT, BY_KEY)
            send(home, clock, call(1, "acme", JAN_10, tokens=350))
            look_to_head(home)
            deliver_due(home)
            set_target(home, "acme", "mail", {**mine, "address": "victim@example.com"}, BY_KEY)
            clock.set_to(Instant(clock.now() + 2 * HOUR_MICROSECONDS))
            deliver_due(home)
            asked = [each for each in running.got() if each["to"] == ["victim@example.com"]]
            assert ["code is" in each["text"] for each in asked] == [True], "asked, and told nothing"


def test_what_json_can_say_and_no_setting_means_is_refused(tmp_path: Path) -> None:
    home, _ = own_home(tmp_path / "home")
    nulls = [(name, None) for name in ("watch", "at", "meter", "rearm", "targets", "name")]
    with home:
        for member, value in (*nulls, ("watch", ["usage"]), ("watch", {}), ("rearm", ["below"])):
            with pytest.raises(OwnRefused, match=member):
                set_alert(home, "acme", "many", {**ALERT, member: value}, BY_KEY)
        with pytest.raises(OwnRefused, match="amount: must not be null"):
            set_budget(home, "acme", {"amount": None}, BY_KEY)
        assert own_decisions(home, "acme") == []
