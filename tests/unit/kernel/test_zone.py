"""Zones come from the pinned wheel and from nowhere else."""

from __future__ import annotations

import zoneinfo
from importlib.metadata import version

import pytest

from tieout.kernel.zone import UnknownZone, is_pinned, tzdata_version, zone, zone_names


def test_the_systems_zone_files_are_out_of_reach() -> None:
    assert is_pinned()
    assert zoneinfo.TZPATH == ()
    assert tzdata_version() == version("tzdata")
    assert len(zone_names()) > 500


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "Not/A_Real_Zone",
        "America",
        "europe/paris",
        "../UTC",
        "/etc/passwd",
        "UTC\n",
        "UTC\x00",
        "localtime",
    ],
)
def test_unknown_names_are_refused(name: str) -> None:
    with pytest.raises(UnknownZone):
        zone(name)


def test_a_name_gives_one_zone() -> None:
    assert zone("Europe/Paris") is zone("Europe/Paris")
    assert zone("Europe/Paris").key == "Europe/Paris"
