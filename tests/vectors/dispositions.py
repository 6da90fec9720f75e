"""The vectors that other systems' tests left us, what became of each, and the count of it."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

LISTED: list[dict[str, Any]] = json.loads((HERE / "events.json").read_bytes())
VECTORS: Mapping[str, Any] = {vector["id"]: vector for vector in LISTED}
BY_TOPIC: dict[str, dict[str, Any]] = tomllib.loads((HERE / "dispositions.toml").read_text(encoding="utf-8"))
REASONS: Mapping[str, str] = BY_TOPIC.pop("reasons")
DISPOSITIONS: Mapping[str, Any] = {
    name: entry for topic in BY_TOPIC.values() for name, entry in topic.items()
}


def summary() -> str:
    """One line for the end of a test run."""
    counts = Counter(entry["is"] for entry in DISPOSITIONS.values())
    reasons = Counter(entry["reason"] for entry in DISPOSITIONS.values() if entry["is"] == "rejected")
    told = ", ".join(f"{counts[kind]} {kind}" for kind in ("adopted", "adapted", "rejected"))
    return f"{told} ({', '.join(f'{reason} {count}' for reason, count in reasons.most_common())})"
