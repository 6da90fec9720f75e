"""What the end of a test run says besides passed and failed."""

from __future__ import annotations

import pytest

from tests.vectors.dispositions import summary


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Counts what became of other systems' vectors, if they were part of the run."""
    reports = terminalreporter.getreports("") + terminalreporter.getreports("passed")
    if any(report.nodeid.startswith("tests/vectors/") for report in reports):
        terminalreporter.write_line(f"vectors of other systems: {summary()}")
