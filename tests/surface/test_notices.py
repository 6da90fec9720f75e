"""Notices at the surface: the verbs of `tieout notice`, and the two routes, as a user meets them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from tests.notices import apply, notice, target
from tests.receivers import Receiver, receiver
from tests.surface.conftest import Ran, in_process
from tests.surface.served import Served, eventually, make_served
from tieout.cli.app import app
from tieout.contract.notice_target import Severity
from tieout.kernel.instant import parse_instant
from tieout.wiring import create_home, open_home

AT = parse_instant("2026-02-03T12:00:00Z")


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    with receiver("http", tmp_path_factory.mktemp("http") / "got") as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path, http: Receiver) -> Path:
    with create_home(tmp_path / "home") as home:
        said = f'kind = "webhook"\nsecret = "hook"\nurl = "{http.url("/ok")}"\n'
        apply(home, tmp_path / "catalog", target(said))
        home.books.notices.record([notice("one"), notice("two", severity=Severity.CRITICAL)], at=AT)
    return tmp_path / "home"


def run(folder: Path, *arguments: str) -> Ran:
    return in_process("notice", *arguments, "--home", str(folder))


def test_from_a_refused_target_to_a_delivered_notice(folder: Path) -> None:
    tried = run(folder, "test", "ops")
    assert tried.code == 1 and "there is no secret hook; `tieout notice secret set hook`" in tried.out
    secret = run(folder, "secret", "rotate", "hook", "--json").json["secret"]
    assert "plain http is refused" in run(folder, "test", "ops").out
    assert run(folder, "egress").out.startswith("public targets only, over https")
    assert run(folder, "egress", "--allow-private-targets", "--json").json == {
        "allow_private_targets": True,
        "allow_private_customer_targets": False,
        "ports": [],
    }
    assert run(folder, "test", "ops").out == "ops: delivered: taken\n"
    done = run(folder, "deliver", "--json").json
    assert done["routed"] == 2 and done["attempts"]["delivered"] == 2 and done["waiting"] == 0
    listed = run(folder, "list", "--json").json
    assert {each["id"] for each in listed["notices"]} == {notice("one").id, notice("two").id}
    assert run(folder, "list", "--severity", "critical", "--json").json["notices"][0]["title"]
    assert notice("one").id[:19] in run(folder, "list").out
    said = run(folder, "show", notice("one").id[:19])
    assert "80 percent of the allowance is used" in said.out and "delivered: taken" in said.out
    acked = run(folder, "ack", notice("one").id, "--by", "Ana", "--reason", "seen", "--json").json
    assert acked["person"] == "Ana"
    again = run(folder, "ack", notice("one").id, "--by", "Bo", "--reason", "seen")
    assert again.code == 4 and "was acknowledged by Ana" in again.err
    assert len(run(folder, "list", "--open", "--json").json["notices"]) == 1
    assert run(folder, "resend", notice("two").id, "--target", "ops").code == 0
    assert run(folder, "deliver", "--json").json["attempts"]["delivered"] == 1
    messages = run(folder, "log", notice("two").id, "--json").json
    assert [each["occasion"] for each in messages] == ["resend 1", "first"]
    everything = "".join(run(folder, *each).out for each in (("log",), ("list",), ("secret", "list")))
    assert secret not in everything and secret[6:] not in everything


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("show", "notice_0"), 3, "There is no notice 'notice_0'"),
        (("ack", "x", "--by", "A", "--reason", "r"), 3, "There is no notice"),
        (("resend", "x", "--target", "ops"), 3, "There is no notice"),
        (("test", "nobody"), 3, "No notice target 'nobody' is in force"),
        (("list", "--after", "x"), 3, "There is no notice"),
        (("list", "--severity", "bad"), 2, "--severity: one of info, warning, critical"),
        (("egress", "--port", "0"), 2, "--port: 1 to 65535"),
        (("secret", "rotate", "Bad Name"), 2, "NAME: lower-case letters"),
        (("secret", "remove", "none"), 3, "There is no secret 'none' here"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    folder: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ran = run(folder, *arguments)
    assert (ran.code, ran.out) == (code, "") and said in ran.err and ran.err.count("\n") == 1


def test_a_secret_is_read_from_standard_input_and_never_shown(folder: Path) -> None:
    given = CliRunner().invoke(
        app, ["notice", "secret", "set", "room", "--home", str(folder)], input="https://hooks.example/T/B/X\n"
    )
    assert given.exit_code == 0 and "hooks.example" not in given.output
    held = run(folder, "secret", "list", "--json").json
    assert [each["name"] for each in held] == ["room"] and set(held[0]) == {"name", "since", "until"}
    empty = CliRunner().invoke(app, ["notice", "secret", "set", "room", "--home", str(folder)], input="\n")
    assert empty.exit_code == 2 and "No secret was stored" in empty.output


def test_doctor_says_where_messages_may_go(folder: Path) -> None:
    assert "no secret hook" in in_process("doctor", "--home", str(folder)).out
    run(folder, "egress", "--allow-private-targets")
    assert "PRIVATE TARGETS ARE ALLOWED" in in_process("doctor", "--home", str(folder)).out.replace("\n", " ")


TARGET = 'kind = "webhook"\nurl = "https://x.example/"\nsecret = "hook"\n'


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ('kind = "webhook"\nsecret = "hook"', "url: is missing: a target of kind webhook needs it"),
        (TARGET + 'address = "a@b.example"', "address: has no use"),
        (TARGET.replace("x.example", "user@x.example"), "url: is not a URL for notices: it names a user"),
        (TARGET.replace('"hook"', '"whsec_ABC="'), "secret: is the name of a secret"),
        (TARGET + 'takes = ["Alert.*"]', "takes[0]: 'Alert.*' is no kind"),
        (TARGET + 'customers = ["nobody"]', "customers[0]: there is no customer 'nobody'"),
        (TARGET + "digest_minutes = 99999", "digest_minutes: 99999 is outside"),
        (
            TARGET + '[[notice_target.escalation]]\nafter_minutes = 5\nto = "opz"',
            "escalation[0].to: there is no notice_target 'opz'",
        ),
        (
            TARGET + '[[notice_target.escalation]]\nafter_minutes = 5\nto = "ops"',
            "escalation[0].to: a target does not escalate to itself",
        ),
        (
            TARGET + '[notice_target.quiet_hours]\nzone = "Mars"\nfrom = "22:00"\nuntil = "7:00"',
            "quiet_hours.until: '7:00' is not a time of the day",
        ),
        (
            TARGET + '[notice_target.quiet_hours]\nzone = "Mars"\nfrom = "22:00"\nuntil = "07:00"',
            "quiet_hours.zone: 'Mars' is not an IANA time zone",
        ),
        (
            'kind = "email"\naddress = "Ops <a@b.example>"\n[notice_target.server]\nhost = "m.example"\n'
            'sender = "c@d.example"',
            "address: 'Ops <a@b.example>' is not one plain address",
        ),
        (
            'kind = "email"\naddress = "a@b.example"\nsecret = "mail"\n[notice_target.server]\n'
            'host = "m.example"\nsender = "c@d.example"',
            "server.username stand together",
        ),
    ],
)
def test_a_target_that_cannot_be_is_named_with_its_member(tmp_path: Path, members: str, said: str) -> None:
    file = tmp_path / "targets.toml"
    file.write_text(target(members))
    ran = in_process("catalog", "check", str(file))
    shown = " ".join(ran.out.split())
    assert ran.code == 2 and f"{file}:" in shown and said in shown


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = make_served(tmp_path_factory.mktemp("notices") / "home")
    with served.home() as home:
        home.books.notices.record([notice(str(number)) for number in range(5)], at=AT)
    served.start(workers=1)
    yield served
    assert served.stop() == 0
    assert "Traceback" not in "".join(served.told)


def test_notices_are_paged_and_filtered(served: Served) -> None:
    _, token = served.key(role="auditor")

    def page(**asked: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"}
        return httpx.get(f"{served.address}/v1/notices", params=asked, headers=headers, timeout=60)

    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        said = page(limit="2", **after).json()
        seen += [each["id"] for each in said["notices"]]
        if said["next"] is None:
            break
        after = {"after": said["next"]}
    assert sorted(seen) == sorted(notice(str(number)).id for number in range(5))
    assert page(customer="another").json()["notices"] == []
    for asked, status in (
        ({"limit": "0"}, 422),
        ({"limit": "x"}, 422),
        ({"severity": "bad"}, 422),
        ({"acknowledged": "yes"}, 422),
        ({"after": "x"}, 404),
        ({"more": "1"}, 400),
    ):
        assert page(**asked).status_code == status, asked


def test_an_acknowledgement_is_idempotent_and_for_its_roles(served: Served) -> None:
    _, token = served.key(role="ops")
    id = notice("0").id

    def say(body: object, key: str | None, *, of: str = id, by: str = token) -> httpx.Response:
        headers = {"authorization": f"Bearer {by}"} | ({} if key is None else {"idempotency-key": key})
        address = f"{served.address}/v1/notices/{of}/acknowledgement"
        return httpx.post(address, json=body, headers=headers, timeout=60)

    seen: dict[str, Any] = {"person": "Ana", "reason": "seen"}
    first = say(seen, "a")
    assert first.status_code == 200, first.text
    assert say(seen, "a").json() == first.json()
    assert say(seen | {"person": "Bo"}, "a").json()["code"] == "idempotency-key-reused"
    assert say(seen, "a", of=notice("1").id).status_code == 409
    assert say(seen, "b").json()["code"] == "notice-acknowledged"
    assert say(seen, None).json()["code"] == "idempotency-key-missing"
    assert say({"person": "Ana"}, "c").status_code == 400
    assert say(seen | {"reason": " "}, "c", of=notice("1").id).status_code == 422
    assert say(seen, "c", of="notice_none").status_code == 404
    _, auditor = served.key(role="auditor")
    assert say(seen, "d", of=notice("1").id, by=auditor).status_code == 403
    assert say(seen, "d", of=notice("1").id, by=served.token).status_code == 403


def test_a_server_delivers_by_itself_and_ingests_while_a_receiver_hangs(
    tmp_path: Path, http: Receiver
) -> None:
    served = make_served(tmp_path / "home")
    hook = 'kind = "webhook"\nsecret = "hook"\n'
    with served.home() as home:
        hanging = target(hook + f'url = "{http.url("/hang")}"\n', key="slow")
        apply(home, tmp_path / "catalog", target(hook + f'url = "{http.url("/ok/served")}"\n') + hanging)
    run(served.folder, "egress", "--allow-private-targets")
    run(served.folder, "secret", "rotate", "hook")
    served.start(workers=1, delivers=True)
    with open_home(served.folder) as home:
        home.books.notices.record([notice("served")], at=AT)
    eventually(lambda: any(each["path"] == "/ok/served" for each in http.got()))
    eventually(lambda: any(each["path"] == "/hang" for each in http.got()))
    event = {"specversion": "1.0", "id": "1", "source": "gateway", "type": "api.call", "subject": "s"}
    event |= {"time": "2026-02-14T12:00:00Z", "data": {"tokens": 1}}  # type: ignore[dict-item]
    assert served.receipt(json.dumps(event).encode(), "application/json")["accepted"] == 1
    assert served.stop() == 0
    assert "Traceback" not in "".join(served.told)
