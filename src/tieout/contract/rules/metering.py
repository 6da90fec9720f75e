"""A meter must make sense under every contract version whose events it can meet."""

from __future__ import annotations

from collections.abc import Iterator

from tieout.contract.document import DocumentKind
from tieout.contract.event_contract import EventContract, Field, FieldType
from tieout.contract.meter import NON_PRODUCTION, Aggregation, Meter
from tieout.contract.predicate import ENVELOPE_FIELDS, Condition
from tieout.contract.problem import Problem
from tieout.contract.rules.draft import Draft
from tieout.kernel.quantity import MalformedQuantity, Quantity

BOOLEANS = ("true", "false")


def check_meters(draft: Draft) -> Iterator[Problem]:
    """Event type known; field, dimensions, filter and exclusions declared, and of types that fit their
    use."""
    for meter in draft.catalog.meters:
        unknown = draft.missing(DocumentKind.EVENT, meter.event)
        if unknown is not None:
            yield draft.problem(DocumentKind.METER, meter, "event", unknown)
            continue
        until = draft.catalog.meters.until(meter)
        for contract in draft.catalog.events.during(meter.event, meter.effective_from, until):
            for name, message in _misfits(meter, contract):
                yield draft.problem(DocumentKind.METER, meter, name, message)


def _misfits(meter: Meter, contract: EventContract) -> Iterator[tuple[str, str]]:
    if meter.field is not None:
        field = contract.field(meter.field)
        if field is None:
            yield "field", undeclared(meter.field, contract)
        elif meter.aggregation is not Aggregation.UNIQUE and not field.type.numeric:
            yield "field", f"{meter.aggregation} needs a number, but {named(field, contract)}"
    for place, dimension in enumerate(meter.dimensions):
        if contract.field(dimension) is None:
            yield f"dimensions[{place}]", undeclared(dimension, contract)
    for condition in meter.filter:
        yield from _condition_misfits(condition, contract, "filter")
    stated = [exclusion for exclusion in meter.exclusions if exclusion is not NON_PRODUCTION]
    for place, exclusion in enumerate(stated):
        for condition in exclusion.where:
            yield from _condition_misfits(condition, contract, f"exclude[{place}].where")
    environment = contract.field("environment")
    if environment is not None and len(stated) < len(meter.exclusions) and environment.type not in TEXTUAL:
        message = f"the default exclusion needs text, but {named(environment, contract)}"
        yield "include_non_production", message


TEXTUAL = (FieldType.STRING, FieldType.ENUM)


def _condition_misfits(
    condition: Condition, contract: EventContract, place: str
) -> Iterator[tuple[str, str]]:
    name = f"{place}.{condition.field}"
    field = contract.field(condition.field)
    if field is None:
        if condition.field not in ENVELOPE_FIELDS:
            yield name, undeclared(condition.field, contract)
        return
    if field.type is FieldType.TIMESTAMP:
        yield name, f"a condition lists values, but {named(field, contract)}"
        return
    for value in condition.values:
        message = value_misfit(value, field, contract)
        if message is not None:
            yield name, message


def value_misfit(value: str, field: Field, contract: EventContract) -> str | None:
    """Why no event can have this text in that field; None where one can."""
    if field.type is FieldType.ENUM and value not in field.values:
        return f"{value!r} is not a value of enum {field.name} in {contract.type} v{contract.version}"
    if field.type is FieldType.BOOLEAN and value not in BOOLEANS:
        return f"{value!r} is neither 'true' nor 'false', but {named(field, contract)}"
    if field.type.numeric:
        try:
            plain = str(Quantity.parse(value))
        except MalformedQuantity:
            return f"{value!r} is not a number, but {named(field, contract)}"
        if plain != value:
            return f"write {value!r} in its plain form {plain!r}"
    return None


def undeclared(name: str, contract: EventContract) -> str:
    return f"{contract.type} v{contract.version} declares no field {name!r}"


def named(field: Field, contract: EventContract) -> str:
    return f"{field.name} is of type {field.type} in {contract.type} v{contract.version}"
