"""[[plan.feature]]: key, enabled, meter, limit, kind."""

from __future__ import annotations

from tieout.contract.feature import Feature, LimitKind
from tieout.contract.reading.table import TableReader
from tieout.kernel.ids import MeterKey
from tieout.kernel.limits import FEATURES_MAX


def read_features(reader: TableReader) -> tuple[Feature, ...]:
    """Each key once."""
    listed = reader.tables("feature")
    if len(listed) > FEATURES_MAX:
        reader.problem("feature", f"lists {len(listed)} features; at most {FEATURES_MAX} are allowed")
    features: list[Feature] = []
    for inner in listed[:FEATURES_MAX]:
        found = _feature(inner)
        if any(each.key == found.key for each in features):
            inner.problem("key", f"{found.key!r} is listed twice")
        features.append(found)
    return tuple(features)


def _feature(reader: TableReader) -> Feature:
    limit = reader.quantity("limit", integer_allowed=True)
    meter = MeterKey(reader.reference("meter")) if reader.has("meter") else None
    if limit is not None and meter is None:
        reader.problem("limit", "is of nothing: name the meter")
    if limit is not None and limit.as_fraction() < 0:
        reader.problem("limit", "is negative")
    kind = reader.choice("kind", LimitKind) if reader.has("limit") else None
    if limit is None and reader.has("kind"):
        reader.problem("kind", "means nothing without a limit")
    found = Feature(
        key=reader.reference("key"),
        enabled=reader.boolean("enabled", default=True),
        meter=meter,
        limit=limit,
        kind=kind,
    )
    reader.finish()
    return found
