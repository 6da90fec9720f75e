"""IANA zones from the pinned `tzdata` wheel only, so that a period ends at the same instant on every machine.

By default `zoneinfo` prefers the operating system's copy; importing this module closes that path for the
process.
"""

from __future__ import annotations

import zoneinfo
from functools import lru_cache
from importlib.metadata import version
from zoneinfo import ZoneInfo

from tieout.kernel.errors import Refusal, shown

zoneinfo.reset_tzpath(to=())


class UnknownZone(Refusal):
    """The pinned tzdata has no zone of this name."""

    code = "unknown-zone"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"{shown(self.name)} is not an IANA time zone of tzdata {tzdata_version()}."


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The zone `name`, such as `Europe/Berlin`, read from the pinned wheel. Raises `UnknownZone`."""
    if name not in zone_names():
        raise UnknownZone(name)
    assert is_pinned(), zoneinfo.TZPATH
    return ZoneInfo.no_cache(name)


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Every zone name of the pinned wheel."""
    return frozenset(zoneinfo.available_timezones())


def is_pinned() -> bool:
    """Whether the operating system's zone files are still out of reach in this process."""
    return zoneinfo.TZPATH == ()


@lru_cache(maxsize=1)
def tzdata_version() -> str:
    """The version of the pinned wheel, recorded with each close."""
    return version("tzdata")
