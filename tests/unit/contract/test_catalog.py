"""Records are found by key, version and instant; a mapping's or subscription's latest version holds."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tests.unit.contract.sample import documents_of, problems_of, sample_catalog, texts, with_changes
from tieout.contract.check import check
from tieout.contract.document import DocumentKind
from tieout.contract.event_contract import ContractBook, FieldType, Use
from tieout.contract.meter import NON_PRODUCTION, Aggregation
from tieout.contract.predicate import Condition, holds
from tieout.contract.price import Flat, Graduated, PerUnit
from tieout.contract.source import SourceFormat
from tieout.kernel.instant import Instant, parse_instant
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity
from tieout.kernel.rounding import Rounding


def at(text: str) -> Instant:
    return parse_instant(text)


def test_a_version_is_in_force_from_its_effective_instant_to_the_next() -> None:
    prices = sample_catalog().prices
    key = "context-tokens-usd"
    found = [prices.at(key, at(f"2026-{day}T00:00:00Z")) for day in ("01-01", "02-28", "03-01", "12-31")]
    assert [price.version for price in found if price is not None] == [1, 1, 2, 2]
    assert prices.at(key, at("2025-12-31T23:59:59Z")) is None
    assert prices.at("unknown", at("2026-01-01T00:00:00Z")) is None
    assert [
        price.version for price in prices.during(key, at("2026-02-01T00:00:00Z"), at("2026-03-01T00:00:00Z"))
    ] == [1]
    assert [price.version for price in prices.during(key, at("2026-02-01T00:00:00Z"), None)] == [1, 2]
    assert prices.version(key, 2) == prices.latest(key)
    assert prices.version(key, 3) is None
    assert prices.latest("unknown") is None
    assert len(prices) == 8
    assert key in prices


def test_the_catalog_answers_by_kind_too() -> None:
    catalog = sample_catalog()
    for kind in DocumentKind:
        record = next(record for record in catalog.prices) if kind is DocumentKind.PRICE else None
        if record is not None:
            assert catalog.version(kind, record.key, record.version) == record
    assert len(catalog.versions(DocumentKind.SUBSCRIPTION, "acme-main")) == 2
    assert catalog.at(DocumentKind.EVENT, "http.request", at("2026-01-01T00:00:00Z")) is not None
    assert catalog.at(DocumentKind.CUSTOMER, "acme", at("2025-01-01T00:00:00Z")) is None
    assert catalog.version(DocumentKind.PLAN, "team", 9) is None


def test_contracts_are_found_by_type_and_event_time() -> None:
    book = sample_catalog().contracts
    contract = book.find("llm.completion", at("2026-01-01T00:00:00Z"))
    assert contract is not None
    assert [field.name for field in contract.fields] == sorted(field.name for field in contract.fields)
    tokens = contract.field("context_tokens")
    assert tokens is not None
    assert (tokens.type, tokens.use, tokens.minimum) == (FieldType.INTEGER, Use.BILLING, Quantity.of(0))
    assert contract.field("nothing") is None
    assert book.find("llm.completion", at("2025-12-31T23:59:59Z")) is None
    assert book.find("nothing", at("2026-01-01T00:00:00Z")) is None
    assert book.get("llm.completion", 1) is contract
    assert book.get("llm.completion", 2) is None
    assert book.types == ("http.request", "llm.completion", "tieout.retraction", "workspace.seats")
    assert ContractBook([]).types == ("tieout.retraction",)


def test_meters_exclude_non_production_first_unless_they_include_it() -> None:
    meters = sample_catalog().meters
    tokens, edge = meters.latest("generated-tokens"), meters.latest("edge-requests")
    assert tokens is not None
    assert edge is not None
    assert [exclusion.reason for exclusion in tokens.exclusions] == ["non-production", "cached"]
    assert [exclusion.reason for exclusion in edge.exclusions] == ["server-error"]
    assert (tokens.aggregation, tokens.field) == (Aggregation.SUM, "generated_tokens")
    assert tokens.filter == (Condition("model", ("large-2", "small-1")),)


def test_an_absent_field_neither_selects_nor_excludes() -> None:
    assert not holds(NON_PRODUCTION.where, {})
    assert not holds(NON_PRODUCTION.where, {"environment": "production"})
    assert holds(NON_PRODUCTION.where, {"environment": "staging"})
    assert holds((), {})
    both = (Condition("a", ("1",)), Condition("b", ("2", "3")))
    assert holds(both, {"a": "1", "b": "3"})
    assert not holds(both, {"a": "1"})


def test_prices_are_exact() -> None:
    prices = sample_catalog().prices
    per_unit, flat, tiers = (
        prices.versions(key)[0].shape
        for key in ("generated-tokens-usd", "team-fee-usd", "context-tokens-usd")
    )
    assert per_unit == PerUnit(unit_amount=Fraction(12, 1000), per=Fraction(1000))
    assert flat == Flat(amount=Fraction(49))
    assert isinstance(tiers, Graduated)
    assert [tier.up_to for tier in tiers.tiers] == [Quantity.of(10_000_000), Quantity.of(100_000_000), None]
    assert [tier.flat_amount for tier in tiers.tiers] == [Fraction(0)] * 3
    assert prices.versions("generated-tokens-usd")[0].rounding is Rounding.HALF_EVEN
    assert prices.versions("seats-usd")[0].rounding is Rounding.HALF_AWAY_FROM_ZERO


def test_subscriptions_of_a_customer_are_found_without_going_through_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    catalog = sample_catalog()
    expected = [
        latest
        for key in catalog.subscriptions.keys
        if (latest := catalog.subscriptions.versions(key)[-1]).customer == "acme"
    ]
    monkeypatch.setattr(type(catalog.subscriptions), "versions", None)
    assert list(catalog.subscriptions_of("acme")) == expected
    assert catalog.subscriptions_of("nobody") == ()


def test_a_subscription_changes_plan_in_the_middle_of_a_month() -> None:
    catalog = sample_catalog()
    (subscription,) = catalog.subscriptions_of("acme")
    change = at("2026-02-14T12:00:00-05:00")
    before, after = subscription.phases
    assert (before.plan, before.plan_version, before.end) == ("starter", None, change)
    assert (after.plan, after.plan_version, after.start) == ("team", 1, change)
    assert subscription.version == 2


def test_a_subject_belongs_to_one_customer_at_a_time() -> None:
    subjects = sample_catalog().subjects
    handover = at("2026-02-01T00:00:00Z")
    owners = [
        (span.customer, span.start, span.end) for span in subjects.spans if span.subject == "203.0.113.7"
    ]
    assert owners == [("hoshi", at("2026-01-01T00:00:00Z"), handover), ("acme", handover, None)]
    period = Period(at("2026-01-15T00:00:00Z"), at("2026-02-15T00:00:00Z"))
    spans = subjects.of_customer("acme", period)
    assert [(span.subject, span.start) for span in spans] == [
        ("203.0.113.7", handover),
        *[(name, period.start) for name in ("key-acme-1", "key-acme-2", "ws-acme")],
    ]
    assert {span.end for span in spans} == {period.end}
    assert len(subjects.of_customer("hoshi")) == 1
    assert subjects.of_customer("hoshi", Period(handover, period.end)) == ()


def test_a_later_version_of_a_subject_mapping_replaces_the_earlier() -> None:
    again = '[[subject]]\nkey = "edge-client-7"\nversion = 2\nsubject = "203.0.113.7"\ncustomer = "hoshi"\n'
    again += "from = 2026-01-01T00:00:00Z\nuntil = {}T00:00:00Z\n"
    files = with_changes(("subjects.toml", "", again.format("2026-01-20")))
    catalog, problems = check(documents_of(files)[0])
    assert problems == []
    assert catalog is not None
    assert [span.end for span in catalog.subjects.of_customer("hoshi")] == [at("2026-01-20T00:00:00Z")]
    assert len(catalog.mappings.versions("edge-client-7")) == 2
    overlapping = with_changes(("subjects.toml", "", again.format("2026-02-20")))
    assert [problem.field for problem in problems_of(overlapping)] == ["from"]


def test_a_mapping_is_taken_back_by_ending_where_it_begins() -> None:
    again = '[[subject]]\nkey = "edge-client-7"\nversion = 2\nsubject = "203.0.113.7"\ncustomer = "hoshi"\n'
    again += "from = 2026-01-01T00:00:00Z\nuntil = 2026-01-01T00:00:00Z\n"
    catalog, _ = check(documents_of(with_changes(("subjects.toml", "", again)))[0])
    assert catalog is not None
    assert catalog.subjects.of_customer("hoshi") == ()


def test_sources_say_where_each_attribute_comes_from() -> None:
    sources = sample_catalog().sources
    csv, log = sources.latest("partner-csv"), sources.latest("edge-access-log")
    assert csv is not None
    assert log is not None
    assert csv.format is SourceFormat.CSV
    assert csv.id is not None
    assert (csv.id.column, csv.id.prefix) == ("request_id", "partner-")
    assert csv.subject.replace == (("sk_", "key-"),)
    assert (csv.time.layout, csv.time.zone) == ("%Y-%m-%d %H:%M:%S.%f", "America/New_York")
    assert dict(csv.fields)["environment"].constant == "production"
    assert (log.id, log.time.zone) == (None, None)


def test_parties_carry_what_an_invoice_prints() -> None:
    catalog = sample_catalog()
    acme, hoshi = catalog.customers.latest("acme"), catalog.customers.latest("hoshi")
    seller = catalog.sellers.latest("northwind")
    assert acme is not None
    assert hoshi is not None
    assert seller is not None
    assert (acme.terms_days, acme.purchase_order, acme.anchor) == (14, "PO-4711", None)
    assert (hoshi.terms_days, str(hoshi.anchor)) == (30, "2026-01-31")
    assert seller.number_series == "NW"
    assert len(texts()) == 13
