"""The vectors that other systems' tests left us, what became of each, and the count of it.

NAME.json has the vectors of a suite, NAME.toml the disposition of each under its topic or model.
"""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

HERE = Path(__file__).parent
WIDTH = 120
KINDS = ("adopted", "adapted", "rejected")
PEERS = {"openmeterio": "openmeter", "getlago": "lago", "polarsource": "polar"}

REASONS: Mapping[str, str] = tomllib.loads((HERE / "reasons.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Suite:
    """`group` is the member of a vector under which its disposition stands."""

    name: str
    group: str
    listed: list[dict[str, Any]]
    by_group: Mapping[str, Mapping[str, Any]]

    @property
    def vectors(self) -> Mapping[str, Any]:
        return {vector["id"]: vector for vector in self.listed}

    @property
    def dispositions(self) -> Mapping[str, Any]:
        return {name: entry for entries in self.by_group.values() for name, entry in entries.items()}

    def counts(self, names: Iterable[str]) -> Counter[str]:
        return Counter(self.dispositions[name]["is"] for name in names)

    def by(self, member: str) -> Mapping[str, Counter[str]]:
        """Counts by `peer` or by the group, in the order in which the vectors name them first."""
        found: dict[str, list[str]] = {}
        for vector in self.listed:
            key = peer_of(vector) if member == "peer" else vector[member]
            found.setdefault(key, []).append(vector["id"])
        return {key: self.counts(names) for key, names in found.items()}


def load(name: str, *, group: str) -> Suite:
    listed = json.loads((HERE / f"{name}.json").read_bytes())
    return Suite(name, group, listed, tomllib.loads((HERE / f"{name}.toml").read_text(encoding="utf-8")))


def peer_of(vector: Mapping[str, Any]) -> str:
    """Whose test it was."""
    owner = vector["source"].get("repo", "").partition("/")[0].removesuffix("-oss")
    return str(vector.get("peer", PEERS.get(owner, owner)))


SUITES = (load("events", group="topic"), load("pricing", group="model"), load("proration", group="model"))


def told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{counts[kind]} {kind}" for kind in KINDS)


def total(suite: Suite) -> str:
    """One line: the counts, and how often each reason rejects."""
    reasons = Counter(entry["reason"] for entry in suite.dispositions.values() if "reason" in entry)
    listed = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
    return f"{suite.name}: {told(suite.counts(suite.dispositions))} ({listed})"


def passing(counts: Mapping[str, int]) -> str:
    """`18+2 of 22`: adopted, adapted, all."""
    return f"{counts['adopted']}+{counts['adapted']} of {sum(counts.values())}"


def summary() -> str:
    """For the end of a test run: every suite's counts, by source and by shape."""
    lines = ["vectors of other systems (adopted + adapted of all)"]
    for suite in SUITES:
        lines.append(total(suite))
        for title, member in (("source", "peer"), (suite.group, suite.group)):
            shown = ", ".join(f"{key} {passing(counts)}" for key, counts in suite.by(member).items())
            lines += wrap(f"by {title}: {shown}", WIDTH, initial_indent="  ", subsequent_indent="    ")
    return "\n".join(lines)
