"""What was agreed comes back from its stored text, and a text that was changed does not pass."""

from __future__ import annotations

import pytest

from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import PlanKey, PriceKey
from tieout.kernel.instant import parse_instant
from tieout.kernel.quantity import Quantity
from tieout.rate.terms import LIST_TERMS, Kept, Terms, parse_terms, terms_json, terms_text

KEPT = Kept(parse_instant("2026-05-01T00:00:00Z"), parse_instant("2026-06-16T00:00:00Z"), PlanKey("basic"))
ALL = Terms(Quantity.parse("2.5"), PriceKey("calls"), "paused", KEPT, Quantity.parse("-3"))


@pytest.mark.parametrize(
    "terms", [LIST_TERMS, ALL, Terms(waived="trial"), Terms(prior=Quantity(0)), Terms(quantity=Quantity(0))]
)
def test_stored_terms_come_back(terms: Terms) -> None:
    assert parse_terms(terms_text(terms)) == terms


def test_list_terms_say_nothing_and_are_not_printed() -> None:
    assert terms_text(LIST_TERMS) is None and terms_json(LIST_TERMS) == {}
    assert len(terms_json(ALL)) == 7


@pytest.mark.parametrize(
    "text",
    [
        *('{"waived": "trial"}', '{"waived":"free"}', '{"quantity":5}', '{"quantity":"05"}'),
        *('{"other":"1"}', "[]", "{}", "{", '{"prices_as_of":"2026-05-01T00:00:00Z"}'),
    ],
)
def test_other_texts_do_not_pass(text: str) -> None:
    with pytest.raises((ValueError, TieoutError)):
        parse_terms(text)
