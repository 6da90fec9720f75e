"""A warning: somebody is told when a figure reaches a threshold. It can tell, and nothing else (L16)."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.contract.notice_target import Severity
from tieout.contract.watching import Watch, Whom
from tieout.kernel.ids import AlertKey
from tieout.kernel.instant import Instant


@dataclass(frozen=True, slots=True)
class Alert:
    """`targets` are keys of notice targets; empty: every target that takes alerts. With `customer_too` the
    customer is told at targets of its own, by a notice that names none of these."""

    key: AlertKey
    version: int
    effective_from: Instant
    name: str
    whom: Whom
    watch: Watch
    severity: Severity
    targets: tuple[str, ...]
    enabled: bool
    digest: str
    customer_too: bool = False
