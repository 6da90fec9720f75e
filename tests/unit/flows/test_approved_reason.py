"""Who decided and who approved is read back from the text that a sealed paper keeps."""

from __future__ import annotations

import pytest

from tieout.flows.approved_reason import (
    ApprovedReason,
    agreed_text,
    decided_text,
    read_agreed,
    read_decided,
)

TAIL = "; of this line of 2026-000001 there were 10.00 USD, and 0.00 USD are left"
SAID = [
    ApprovedReason("billed twice", "Ann Lee", "Ben Or"),
    ApprovedReason("as before (decided by Cy, approved by Di)", "Ann Lee", "Ben Or"),
    ApprovedReason("two\nlines (agreed by Cy, approved by Di)", "Ann (ops), Lee", "Ben Or"),
]


@pytest.mark.parametrize("said", SAID)
def test_the_two_people_are_read_back(said: ApprovedReason) -> None:
    assert read_decided(decided_text(said)) == said
    assert read_agreed(agreed_text(said) + TAIL) == said


@pytest.mark.parametrize("text", ["", "billed twice", decided_text(SAID[0]) + TAIL])
def test_another_text_names_nobody(text: str) -> None:
    assert read_decided(text) is None
    assert read_agreed(text) is None
