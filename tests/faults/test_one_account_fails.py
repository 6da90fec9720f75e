"""Something fails on one account among many, whatever it is and at whatever step: that account is parked and
says why, every other one is sealed, and the next close bills it (L15).

300 accounts in `make test`, 10,000 in `make test-long`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from decimal import InvalidOperation
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from tests.faults.close_laws import Expected, broken_laws, documents_of
from tests.faults.harness import tally
from tests.faults.harness.effort import times
from tests.faults.many_customers import EVENTS_EACH, make_home_of, names
from tests.small_home import FEBRUARY_3
from tieout.contract.catalog import Catalog
from tieout.flows import asked, draft_accounts, seal_account
from tieout.flows.close_periods import close
from tieout.gateways.clock import SteppedClock
from tieout.kernel.errors import IntegrityViolation, Refusal
from tieout.wiring import open_home

CUSTOMERS = times(quick=300, long=10_000)
FAILING = names(CUSTOMERS)[CUSTOMERS // 2]


class Refused(Refusal):
    """One that the product might name."""


ERRORS: tuple[Exception, ...] = (
    ValueError("no such thing"),
    KeyError("gone"),
    AssertionError("an invariant"),
    ZeroDivisionError("by zero"),
    MemoryError("too much"),
    RecursionError("too deep"),
    InvalidOperation("a decimal"),
    OSError("a file"),
    StopIteration("an empty one"),
    UnicodeEncodeError("utf-8", "\ud800", 0, 1, "a lone surrogate"),
    Refused("it is refused"),
    IntegrityViolation("stored data contradicts itself"),
)
STEPS: tuple[tuple[Any, str], ...] = (
    (draft_accounts, "segments"),
    (draft_accounts, "usage_requests"),
    (asked, "charges"),
    (draft_accounts, "draft"),
    (draft_accounts, "taxation_of"),
    (draft_accounts, "reconcile"),
    (draft_accounts, "proposed_entries"),
    (seal_account, "sealed_invoice"),
    (seal_account, "sealed_rows"),
    (seal_account, "document_bytes"),
)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many") / "home"
    home, _ = make_home_of(folder, CUSTOMERS)
    home.close()
    return folder


def failing(step: Callable[..., Any], error: Exception, passed: list[int]) -> Callable[..., Any]:
    """The step, which fails for one customer; whoever that is, its name stands in what the step is given."""

    @wraps(step)
    def fails(*given: Any, **named: Any) -> Any:
        if FAILING in repr(([each for each in given if not isinstance(each, Catalog)], named)):
            passed.append(1)
            raise error
        return step(*given, **named)

    return fails


@pytest.mark.parametrize(
    ("place", "error"),
    list(enumerate(ERRORS)),
    ids=lambda each: type(each).__name__ if isinstance(each, Exception) else "",
)
def test_one_account_that_fails_is_parked_and_all_others_are_sealed(
    ready: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int, error: Exception
) -> None:
    module, step = STEPS[place % len(STEPS)]
    folder = tmp_path / "home"
    shutil.copytree(ready, folder)
    passed: list[int] = []
    with open_home(folder, clock=SteppedClock(FEBRUARY_3)) as home:
        with monkeypatch.context() as patched:
            patched.setattr(module, step, failing(getattr(module, step), error, passed))
            close(home, as_of=FEBRUARY_3)
        assert passed, f"{step} was never given {FAILING}"
        periods = dict.fromkeys(names(CUSTOMERS), 1)
        parked = {FAILING: str(error) if isinstance(error, Refusal) else type(error).__name__}
        if isinstance(error, IntegrityViolation):
            parked = {FAILING: str(error)}
        assert broken_laws(home, Expected(periods, parked=parked)) == []
        sealed = documents_of(home)
        assert len(sealed) == CUSTOMERS - 1
        close(home, as_of=FEBRUARY_3)
        repaired = Expected(periods, events=EVENTS_EACH * CUSTOMERS)
        assert broken_laws(home, repaired, sealed_before=sealed) == []
    tally.injected()
