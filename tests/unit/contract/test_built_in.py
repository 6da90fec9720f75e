"""The built-in contract of retractions: always there, never declared, and bound to its digest."""

from __future__ import annotations

from pathlib import Path

import pytest

from tieout.contract.event_contract import RETRACTION, ContractBook, EventContract
from tieout.contract.retraction import RETRACTION_TYPE
from tieout.flows.apply_catalog import check_catalog
from tieout.kernel.canonical import JsonNumber, JsonValue, canonical_json
from tieout.kernel.digest import document_digest
from tieout.kernel.instant import Instant


def canonical_text(contract: EventContract) -> str:
    """What the contract promises, in the canonical form of the catalog's documents."""
    fields: dict[str, JsonValue] = {
        field.name: {
            "type": field.type.value,
            "use": field.use.value,
            "length_max": JsonNumber(str(field.length_max)),
        }
        for field in contract.fields
    }
    return canonical_json(
        {
            "type": contract.type,
            "version": JsonNumber(str(contract.version)),
            "description": contract.description,
            "fields": fields,
        }
    )


def test_the_digest_is_that_of_what_is_promised() -> None:
    assert document_digest(canonical_text(RETRACTION)) == RETRACTION.digest


def test_it_is_in_every_book() -> None:
    assert ContractBook([]).find(RETRACTION_TYPE, Instant(0)) is RETRACTION
    assert ContractBook([]).get(RETRACTION_TYPE, 1) is RETRACTION
    assert [field.name for field in RETRACTION.fields] == sorted(field.name for field in RETRACTION.fields)


@pytest.mark.parametrize("name", ["tieout.retraction", "tieout.anything"])
def test_a_catalog_cannot_declare_a_built_in_type(tmp_path: Path, name: str) -> None:
    (tmp_path / "events.toml").write_text(
        f'[[event]]\ntype = "{name}"\nversion = 1\neffective_from = 2025-01-01T00:00:00Z\n'
        'description = "x"\n[event.fields.a]\ntype = "string"\nuse = "context"\n'
    )
    (problem,) = check_catalog(tmp_path).problems
    assert "built in" in str(problem) and problem.field == "type"


def test_no_meter_can_be_about_retractions(tmp_path: Path) -> None:
    (tmp_path / "meters.toml").write_text(
        '[[meter]]\nkey = "m"\nversion = 1\neffective_from = 2025-01-01T00:00:00Z\ndefinition = "x"\n'
        'owner = "o"\nevent = "tieout.retraction"\naggregation = "count"\nunit = "u"\n'
    )
    assert "there is no event 'tieout.retraction'" in str(check_catalog(tmp_path).problems[0])
