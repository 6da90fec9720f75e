"""What customers set for themselves, as the books keep it: every decision a row, added and never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from tieout.kernel.errors import ConflictError
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant
from tieout.notice.notice import Notice


class SettingKind(StrEnum):
    """A budget, an alert, a target; that the reader of a mailbox has verified the target of that version; and
    a new generation of a webhook's secret (its version)."""

    BUDGET = "budget"
    ALERT = "alert"
    TARGET = "target"
    VERIFICATION = "verification"
    SECRET = "secret"  # noqa: S105 - a kind of row


class SettingsChanged(ConflictError):
    """Somebody else decided about the same customer in between; nothing was recorded."""

    code = "settings-changed"

    def __init__(self, customer: CustomerId) -> None:
        super().__init__(f"Somebody else has just changed what {customer} set for itself; run it again.")


@dataclass(frozen=True, slots=True)
class Decided:
    """Who decided: a person with a reason, or whoever holds an API key of the customer's."""

    person: str | None
    reason: str | None
    api_key: str | None

    def __post_init__(self) -> None:
        by_person = self.person is not None and self.reason is not None
        assert by_person != (self.api_key is not None), "a person with a reason, or a key"


@dataclass(frozen=True, slots=True)
class Setting:
    """One decision. `key` of a budget is empty. `body` is canonical JSON, None: it is removed. Versions of
    one name are counted on for ever, over removals too."""

    customer: CustomerId
    kind: SettingKind
    key: str
    version: int
    body: str | None
    by: Decided
    recorded_at: Instant


@dataclass(frozen=True, slots=True)
class NumberedSetting:
    """As it is recorded: `seq` counts all of the home's without a gap, in the order of their commits."""

    seq: int
    setting: Setting


class OwnSettingsStore(Protocol):
    """Every method is one transaction."""

    def revision(self) -> int:
        """The last `seq`; 0 where nobody has set anything."""
        ...

    def after(self, seq: int) -> tuple[NumberedSetting, ...]:
        """In order."""
        ...

    def add(self, settings: Sequence[Setting], *, seen: int, notices: Sequence[Notice] = ()) -> int:
        """Decisions about one customer, of whose rows `seen` is the last one known (0: none), with notices
        that follow from them; the `seq` of the last. Raises `SettingsChanged`."""
        ...
