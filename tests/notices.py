"""Notices and targets to order, for tests."""

from __future__ import annotations

from pathlib import Path

from tieout.contract.notice_target import Severity
from tieout.flows.apply_catalog import apply_catalog
from tieout.kernel.ids import CustomerId, Watermark
from tieout.kernel.instant import Instant, parse_instant
from tieout.notice.notice import Notice, notice_id
from tieout.wiring import Home

NOON = parse_instant("2026-02-03T12:00:00Z")


def notice(
    name: str = "one",
    *,
    kind: str = "alert.crossed",
    severity: Severity = Severity.WARNING,
    customer: str | None = "acme",
    at: Instant = NOON,
    title: str = "80 percent of the allowance is used",
    text: str = "800 of 1000 calls.",
    data: str = '{"limit":"1000","used":"800"}',
) -> Notice:
    who = None if customer is None else CustomerId(customer)
    return Notice(notice_id(kind, name), kind, who, severity, at, Watermark(7), title, text, data)


def target(members: str, *, key: str = "ops", version: int = 1) -> str:
    head = f'[[notice_target]]\nkey = "{key}"\nversion = {version}\n'
    return f"{head}effective_from = 2026-01-0{version}T00:00:00Z\n{members}\n"


def apply(home: Home, folder: Path, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{len(list(folder.iterdir()))}.toml").write_text(text)
    apply_catalog(home, folder)
