"""Whether the usage that is kept of a window can follow the log event by event, or must be counted again."""

from __future__ import annotations

from enum import Enum


class Folding(Enum):
    """What an aggregation allows. Each says so beside its meaning.

    BOTH_WAYS: events are added, and taken out again. IN: events are added; taking out the one that the value
    stands on needs a recount. NEVER: every event that touches the window asks for a recount.
    """

    BOTH_WAYS = "both ways"
    IN = "in"
    NEVER = "never"
