"""Who counts as another person."""

from __future__ import annotations

import pytest

from tieout.kernel.person import is_same_person


@pytest.mark.parametrize(
    "other", ["zo\u00eb  park", " ZO\u00cb PARK", "Zoe\u0308 Park", "\uff3ao\u00eb\u00a0Park"]
)
def test_one_name_written_in_another_way_is_no_second_person(other: str) -> None:
    assert is_same_person("Zo\u00eb Park", other)


@pytest.mark.parametrize("other", ["Zoe Park", "Zo\u00eb", "Zo\u00ebPark"])
def test_another_name_is_another_person(other: str) -> None:
    assert not is_same_person("Zo\u00eb Park", other)
