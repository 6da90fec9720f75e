"""A rule may be named in any words; what a notice cannot hold of them does not keep rules from being looked
at."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ruled_home import ALERT, HOLD, ruled_home, send
from tests.small_home import call
from tieout.flows.look_at_rules import look_to_head
from tieout.notice.notice import TEXT_BYTES_MAX, TITLE_LENGTH_MAX, plain_line

RULES = ALERT.format(version=1, rearm="below", more="") + HOLD


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("80\\u00a0% of it", "80 % of it"),
        ("\\u591a\\u3000\\u3044", "\u591a \u3044"),
        ("zero\\u200bwidth", "zero\ufffdwidth"),
        ("x" * 5_000, "x" * 150),
    ],
)
def test_a_rule_of_any_name_is_told(tmp_path: Path, name: str, shown: str) -> None:
    home, clock = ruled_home(
        tmp_path / "home", RULES.replace("Many tokens", name).replace('"Stop"', f'"{name}"')
    )
    with home:
        look_to_head(home)
        send(home, clock, call(1, "acme", "2026-01-10T12:00:00Z", tokens=600))
        look_to_head(home)
        titles = [each.notice.title for each in home.books.notices.unrouted(10)]
    assert len(titles) == 3
    assert all(shown in title and len(title) <= TITLE_LENGTH_MAX for title in titles)


def test_a_text_is_cut_between_characters() -> None:
    found = plain_line("\u591a" * 2_000)
    assert found[-1] == "\u2026" and found[0] == "\u591a" and "\ufffd" not in found
    assert TEXT_BYTES_MAX - 3 <= len(found.encode()) <= TEXT_BYTES_MAX
    assert plain_line("a\nb\u202e") == "a b\ufffd"
