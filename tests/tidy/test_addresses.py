"""No file names a package registry, a download or a folder of one machine: a checkout works anywhere."""

from __future__ import annotations

import re

import pytest

from tests.tidy.tree import ROOT, files, named, text_of

DOT = r"\."
# Written in pieces, so that this file does not name what it refuses.
HOSTS = [
    *("pypi" + DOT + "org", "pythonhosted" + DOT, "npmjs" + DOT, "crates" + DOT + "io", "anaconda" + DOT),
    *("conda-forge" + DOT, "deb" + DOT + "debian", "security" + DOT + "debian", "rubygems" + DOT),
    *("proxy" + DOT + "golang", "repo1?" + DOT + "maven", "ghcr" + DOT + "io", "docker" + DOT + "io"),
]
OPTIONS = ["--index" + "-url", "--extra-index" + "-url", "--find" + "-links", "--trusted" + "-host"]
DOWNLOAD = r"https?://[^\s\"'<>]+\.(?:whl|tgz|tar\.gz|deb)\b"
MACHINE = r"(?<![\w./-])/(?:home|root|Users|work)/[\w.-]+"
REFUSED = re.compile("|".join([*HOSTS, *OPTIONS, DOWNLOAD, MACHINE]))


def addresses(text: str) -> list[str]:
    return [
        f"line {number}: {match.group()}"
        for number, line in enumerate(text.splitlines(), 1)
        for match in REFUSED.finditer(line)
    ]


def test_no_file_names_a_registry_a_download_or_a_machine() -> None:
    found = []
    for path in files():
        found += [f"{named(path)}: {what}" for what in addresses(text_of(path) or "")]
    assert not found, "\n".join(found)


def test_constraints_are_names_and_versions_only() -> None:
    pin = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.+!]*\Z")
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert [line for line in lines if not pin.match(line)] == []


@pytest.mark.parametrize(
    "sample",
    [
        "see https://pypi." + "org/project/tieout",
        "pip install --index" + "-url x",
        "curl https://example.com/a-1.0.tar" + ".gz",
        "data in /home" + "/ann/data",
    ],
)
def test_an_address_is_found(sample: str) -> None:
    assert addresses(sample)


@pytest.mark.parametrize(
    "sample", ["see sqlite.org/wal.html", "DATA=../shared/data", "https://example.com/w/home/x"]
)
def test_a_reference_passes(sample: str) -> None:
    assert addresses(sample) == []
