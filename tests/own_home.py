"""A small home in which customers set their own; what it means to be one of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.ruled_home import NOW
from tests.small_home import make_home
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.notices import change_egress
from tieout.gateways.clock import SteppedClock
from tieout.kernel.instant import Instant
from tieout.ports.own_settings import Decided
from tieout.wiring import Home

BY_KEY = Decided(None, None, "k1")
MAIL = """
[[notice_target]]
key = "mail"
version = 1
effective_from = 2026-01-01T00:00:00Z
kind = "email"
address = "ops@example.com"
carries_customers = true
takes = ["nothing"]
[notice_target.server]
host = "127.0.0.1"
port = {port}
security = "none"
sender = "bills@example.com"
"""
ALERT: dict[str, Any] = {"watch": "usage", "meter": "tokens", "at": ["300", "500"], "rearm": "below"}


def own_home(folder: Path, *, mail_port: int | None = None, now: Instant = NOW) -> tuple[Home, SteppedClock]:
    """Messages may go to receivers on this machine."""
    home, clock = make_home(folder, now=now)
    change_egress(home, allow_private=True, ports=None, customers_private=True)
    if mail_port is not None:
        (folder / "mail.toml").write_text(MAIL.format(port=mail_port))
        apply_catalog(home, folder / "mail.toml")
    return home, clock


def webhook(url: str) -> dict[str, Any]:
    return {"kind": "webhook", "url": url}


def mailbox(address: str) -> dict[str, Any]:
    return {"kind": "email", "address": address}
