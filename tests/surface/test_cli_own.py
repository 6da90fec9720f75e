"""What an operator does on a customer's behalf: every verb, its JSON, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

from tests.own_home import own_home
from tests.surface.conftest import Ran, in_process

BY = ("--by", "Ada", "--reason", "asked by phone")


def test_set_shown_and_removed_on_a_customers_behalf(tmp_path: Path) -> None:
    own_home(tmp_path / "home")[0].close()

    def run(*arguments: str) -> Ran:
        return in_process(*arguments, "--home", str(tmp_path / "home"), "--customer", "acme")

    assert run("budget", "show").code == 3
    assert run("budget", "set", "100", *BY, "--json").json["amount"] == "100"
    assert "100 USD" in run("budget", "show").out
    alert = ("alert", "own", "set", "near", "--watch", "exposure", "--at", "80", "--percent-of", "budget")
    assert run(*alert, *BY, "--json").json["at"] == ["80"]
    assert "exposure at 80 % of budget" in run("alert", "own", "list").out
    assert json.loads(run("alert", "own", "show", "near", "--json").out)["changes"] == []
    made = run("notice", "own", "set", "hook", "--url", "https://example.com/", *BY)
    assert made.out.startswith("whsec_")
    assert run("notice", "own", "rotate", "hook", *BY).out != made.out
    assert "whsec_" not in run("notice", "own", "list", "--json").out
    for refused in (
        run("notice", "own", "set", "mail", "--address", "a@example.com", *BY),
        run("notice", "own", "verify", "hook", "0", *BY),
        run("budget", "set", "1.005", *BY),
        run("budget", "set", "1", "--by", "", "--reason", "x"),
    ):
        assert (refused.code, refused.out) == (2, "") and refused.err.startswith("tieout: ")
    for noun in (("notice", "own"), ("alert", "own")):
        key = "hook" if noun[0] == "notice" else "near"
        assert run(*noun, "remove", key, *BY).code == 0
        assert run(*noun, "remove", key, *BY).code == 3
    assert run("budget", "remove", *BY).code == 0
    said = run("budget", "decisions", "--json").json
    assert {(each["person"], each["reason"]) for each in said} == {("Ada", "asked by phone")}
    assert [each["kind"] for each in said if each["removed"]] == ["target", "alert", "budget"]
    assert "asked by phone" in run("budget", "decisions").out
