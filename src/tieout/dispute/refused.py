"""That something about a dispute is refused, and why."""

from __future__ import annotations

from collections.abc import Sequence

from tieout.kernel.errors import Refusal


class DisputeRefused(Refusal):
    """It cannot be disputed so."""

    code = "dispute-refused"

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(f"Nothing was recorded: {'; '.join(problems)}.")
