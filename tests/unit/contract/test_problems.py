"""Every kind of mistake, in a document and between documents, is named with file, line, key and field."""

from __future__ import annotations

import pytest

from tests.unit.contract.sample import problems_of, texts, with_changes

E, M, P, L, C, B, J, S, Y = (
    "events.toml",
    "meters.toml",
    "prices.toml",
    "plans.toml",
    "parties.toml",
    "subscriptions.toml",
    "subjects.toml",
    "sources.toml",
    "policy.toml",
)

TEAM_TWICE = """
[[subscription]]
key = "acme-second"
version = 1
effective_from = 2026-03-01T00:00:00Z
customer = "acme"
[[subscription.phase]]
plan = "starter"
from = 2026-03-01T00:00:00Z
"""
OVERLAPPING_SUBJECT = """
[[subject]]
subject = "key-acme-2"
customer = "hoshi"
from = 2026-02-01T00:00:00Z
"""
REWRITTEN_PHASE = ("until = 2026-02-14T12:00:00-05:00", "until = 2026-02-10T12:00:00-05:00")

WITHIN_ONE_DOCUMENT = [
    # (file, old text, new text, document, field, part of the message)
    (P, 'up_to = "100000000"', 'up_to = "9000000"', "price context-tokens-usd v1", "tiers[1].up_to",
     "out of order"),
    (P, 'up_to = "10000000", unit', 'up_to = "0", unit', "price context-tokens-usd v1", "tiers[0].up_to",
     "begins at 0"),
    (P, '{ unit_amount = "1.95" }', '{ up_to = "900000000", unit_amount = "1.95" }',
     "price context-tokens-usd v1", "tiers[2].up_to", "must be open"),
    (P, 'up_to = "100000000", ', "", "price context-tokens-usd v1", "tiers[1].up_to",
     "only the last tier is open"),
    (P, 'flat_amount = "1.00"', 'flat_amount = "1.005"', "price context-tokens-usd v2",
     "tiers[0].flat_amount", "1.005 USD does not exist: USD has 2 decimal places"),
    (P, 'amount = "5000"', 'amount = "1.50"', "price edge-fee-jpy v1", "amount",
     "1.5 JPY does not exist: JPY has no"),
    (P, 'amount = "49.00"', 'amount = "0.005"', "price team-fee-usd v1", "amount",
     "0.005 USD does not exist"),
    (P, 'amount = "49.00"', 'amount = "-49.00"', "price team-fee-usd v1", "amount", "negative"),
    (P, 'amount = "49.00"', 'amount = "1e3"', "price team-fee-usd v1", "amount", "not a plain decimal"),
    (P, 'amount = "49.00"', "amount = 49", "price team-fee-usd v1", "amount", 'as a string: "49"'),
    (P, 'amount = "49.00"', "amount = true", "price team-fee-usd v1", "amount", "not a boolean"),
    (P, 'amount = "49.00"', "", "price team-fee-usd v1", "amount", "is missing"),
    (P, 'per = "1000"', 'per = "0"', "price generated-tokens-usd v1", "per", "above zero"),
    (P, 'rounding = "half_even"', 'rounding = "half"', "price generated-tokens-usd v1", "rounding",
     "half_even"),
    (P, 'rounding = "half_even"', 'tier_split = "continue"', "price generated-tokens-usd v1", "tier_split",
     "without tiers or packages"),
    (P, 'shape = "flat"', 'shape = "stairs"', "price team-fee-usd v1", "shape", "'stairs' is not one of"),
    (P, 'shape = "flat"', 'shape = "flat"\nmeter = "seats"', "price team-fee-usd v1", "meter",
     "means nothing"),
    (P, 'meter = "seats"\n', "", "price seats-usd v1", "meter", "is missing"),
    (P, 'currency = "JPY"', 'currency = "XYZ"', "price edge-requests-jpy v1", "currency", "ISO 4217"),
    (P, 'description = "Seats"', 'descripton = "Seats"', "price seats-usd v1", "descripton",
     "did you mean 'description'"),
    (P, 'description = "Seats"', "", "price seats-usd v1", "description", "is missing"),
    (P, 'description = "Seats"', 'description = "Se\\u202eats"', "price seats-usd v1", "description",
     "direction"),
    (P, 'description = "Seats"', 'description = " "', "price seats-usd v1", "description", "is empty"),
    (E, 'type = "boolean"', 'type = "bool"', "event llm.completion v1", "fields.cached.type",
     "'bool' is not one of"),
    (E, 'use = "billing"', 'use = "required"', "event llm.completion v1", "fields.model.use",
     "billing, context"),
    (E, 'use = "billing"\n', "", "event llm.completion v1", "fields.model.use", "is missing"),
    (E, "length_max = 64", "length_max = 9000", "event llm.completion v1", "fields.model.length_max",
     "outside 1 to 8192"),
    (E, "length_max = 64", "minimum = \"1\"", "event llm.completion v1", "fields.model.minimum",
     "means nothing"),
    (E, "length_max = 64", 'values = ["a"]', "event llm.completion v1", "fields.model.values",
     "means nothing"),
    (E, "maximum = 10000000", 'maximum = "-1"', "event llm.completion v1", "fields.context_tokens.minimum",
     "above the"),
    (E, "maximum = 10000000", 'maximum = "1.5"', "event llm.completion v1", "fields.context_tokens.maximum",
     "whole"),
    (E, 'maximum = "86400"', "maximum = 86400", "event llm.completion v1", "fields.latency_seconds.maximum",
     "string"),
    (E, 'values = ["production", "staging", "development"]', "", "event llm.completion v1",
     "fields.environment.values", "an enum lists its values"),
    (E, '"development"]', '"staging"]', "event llm.completion v1", "fields.environment.values",
     "more than once"),
    (E, "[event.fields.cached]", "[event.fields.Cached]", "event llm.completion v1", "fields.Cached",
     "not a field name"),
    (E, "[event.fields.feature]", "[event.fields.source]", "event llm.completion v1", "fields.source",
     "every event"),
    (E, "valid = true", 'valid = true\nreason = "x"', "event llm.completion v1", "example[0].reason",
     "a valid example"),
    (E, 'reason = "field-missing"\n', "", "event llm.completion v1", "example[1].reason", "is missing"),
    (E, "reach_days_max = 120", "reach_days_max = 0", "event llm.completion v1", "reach_days_max",
     "0 is outside"),
    (M, 'aggregation = "last"', 'aggregation = "median"', "meter seats v1", "aggregation",
     "count, sum, last"),
    (M, 'field = "seats"\n', "", "meter seats v1", "field", "last needs the field"),
    (M, 'aggregation = "count"', 'aggregation = "count"\nfield = "status"', "meter edge-requests v1", "field",
     "nothing"),
    (M, 'where = { cached = ["true"] }', "where = {}", "meter generated-tokens v1", "exclude[0].where",
     "every event"),
    (M, 'filter = { model = ["large-2", "small-1"] }', 'filter = { environment = ["staging"] }',
     "meter generated-tokens v1", "filter.environment", "set include_non_production"),
    (M, "include_non_production = true", 'include_non_production = "yes"', "meter edge-requests v1",
     "include_non_production", "true or false, not text"),
    (M, 'dimensions = ["method"]', 'dimensions = "method"', "meter edge-requests v1", "dimensions",
     "list of texts"),
    (C, 'zone = "Asia/Tokyo"', 'zone = "Asia/Tokio"', "customer hoshi v1", "zone", "not an IANA time zone"),
    (C, 'zone = "Asia/Tokyo"', 'zone = "../etc/passwd"', "customer hoshi v1", "zone",
     "not an IANA time zone"),
    (C, "anchor = 2026-01-31", 'anchor = "2026-02-30"', "customer hoshi v1", "anchor", "not a date"),
    (C, "terms_days = 14", "terms_days = 400", "customer acme v1", "terms_days", "outside 0 to 365"),
    (C, "terms_days = 14", 'terms_days = "14"', "customer acme v1", "terms_days",
     "must be an integer, not text"),
    (C, 'number_series = "NW"', 'number_series = "nw 1"', "seller northwind v1", "number_series",
     "capital letters"),
    (B, "until = 2026-02-14T12:00:00-05:00", "", "subscription acme-main v2", "phase[1].from",
     "is still open"),
    (B, "until = 2026-02-14T12", "until = 2026-02-15T12", "subscription acme-main v2", "phase[1].from",
     "overlaps"),
    (B, 'until = "2027-', 'until = "2025-', "subscription hoshi-edge v1", "phase[0].until", "not after from"),
    (B, "plan_version = 1", 'plan_version = "1"', "subscription acme-main v2", "phase[1].plan_version",
     "an integer"),
    (J, "until = 2026-02-01", "until = 2025-02-01", "subject edge-client-7 v1", "until", "before from"),
    (J, 'subject = "203.0.113.7"\n', "", "subject edge-client-7 v1", "subject", "is missing"),
    (J, 'subject = "203.0.113.7"', 'subject = "203.0.113.7"\nsubjects = ["x"]', "subject edge-client-7 v1",
     "subjects", "one of the two"),
    (S, 'layout = "%Y-%m-%d %H:%M:%S.%f"', 'layout = "%Y-%m-%d %H:%M:%Q"', "source partner-csv v1",
     "time.layout", "%Q is"),
    (S, ', zone = "America/New_York"', "", "source partner-csv v1", "time.zone",
     "needed when the layout has no %z"),
    (S, "%S %z", "%S", "source edge-access-log v1", "time.zone", "is needed"),
    (S, "%b/%Y", "%b/%m/%Y", "source edge-access-log v1", "time.layout", "either %m or %b"),
    (S, 'column = "client"', 'column = "host"', "source edge-access-log v1", "subject.column",
     "not a part of an access"),
    (S, 'constant = "production"', 'constant = "production", column = "env"', "source partner-csv v1",
     "fields.environment", "either column or constant"),
    (S, 'event_type = "http.request"\n', "", "source edge-access-log v1", "event_type",
     "do not name their type"),
    (S, 'from = "sk_"', 'from = ""', "source partner-csv v1", "subject.replace[0].from", "missing or empty"),
    (Y, "grace_hours = 48", "grace_hours = -1", "policy trigger-policy v1", "grace_hours", "outside 0 to"),
    (Y, 'cadence = "monthly"', 'cadence = "fortnightly"', "policy trigger-policy v1", "cadence",
     "not one of"),
    (Y, "grace_hours = 48", 'grace_hours = 48\npredecessor_digest = "abc"', "policy trigger-policy v1",
     "predecessor_digest", "64 lower-case hex digits"),
]  # fmt: skip

BETWEEN_DOCUMENTS = [
    (P, "version = 2", "version = 1", "price context-tokens-usd v1", "version", "is also at prices.toml:1"),
    (P, "effective_from = 2026-03-01", "effective_from = 2026-01-01", "price context-tokens-usd v2",
     "effective_from", "overlaps: 2026-01-01T00:00:00Z is not after v1"),
    (M, 'event = "workspace.seats"', 'event = "workspace.seat"', "meter seats v1", "event",
     "did you mean 'workspace.seats'"),
    (M, 'field = "context_tokens"', 'field = "tokens"', "meter context-tokens v1", "field",
     "llm.completion v1 declares no field 'tokens'"),
    (M, 'field = "context_tokens"', 'field = "model"', "meter context-tokens v1", "field",
     "sum needs a number"),
    (M, 'field = "seats"', 'field = "model"', "meter seats v1", "field",
     "workspace.seats v1 declares no field"),
    (M, '["model", "feature"]', '["model", "region"]', "meter context-tokens v1", "dimensions[1]",
     "no field 'region'"),
    (M, "{ model = [", "{ engine = [", "meter generated-tokens v1", "filter.engine", "no field 'engine'"),
    (M, 'where = { cached = ["true"] }', 'where = { cached = ["yes"] }', "meter generated-tokens v1",
     "exclude[0].where.cached", "neither 'true' nor 'false'"),
    (M, 'where = { cached = ["true"] }', 'where = { environment = ["test"] }', "meter generated-tokens v1",
     "exclude[0].where.environment", "not a value of enum"),
    (M, '["500", "502"', '["500.0", "502"', "meter edge-requests v1", "exclude[0].where.status",
     "plain form '500'"),
    (M, '["500", "502"', '["5xx", "502"', "meter edge-requests v1", "exclude[0].where.status",
     "not a number"),
    (M, 'where = { cached = ["true"] }', 'where = { requested_at = ["1"] }', "meter generated-tokens v1",
     "exclude[0].where.requested_at", "of type timestamp"),
    (E, 'type = "enum"\nuse = "context"\nvalues = ["production", "staging", "development"]',
     'type = "boolean"\nuse = "context"', "meter context-tokens v1", "include_non_production",
     "environment is of type"),
    (P, 'meter = "seats"', 'meter = "chairs"', "price seats-usd v1", "meter", "there is no meter 'chairs'"),
    (M, 'key = "seats"\nversion = 1\neffective_from = 2026-01',
     'key = "seats"\nversion = 1\neffective_from = 2026-05', "price seats-usd v1", "meter",
     "in force only from 2026-05-01T00:00:00Z"),
    (L, '"seats-usd"', '"seat-usd"', "plan team v1", "prices[3]",
     "there is no price 'seat-usd'; did you mean 'seats-usd'"),
    (L, '"edge-fee-jpy", ', '"team-fee-usd", ', "plan edge v1", "prices[0]", "is in USD, the plan in JPY"),
    (C, 'seller = "northwind"', 'seller = "southwind"', "customer acme v1", "seller",
     "there is no seller 'southwind'"),
    (C, 'currency = "JPY"', 'currency = "EUR"', "subscription hoshi-edge v1", "phase[0].plan",
     "customer hoshi v1 in EUR"),
    (B, 'customer = "hoshi"', 'customer = "boshi"', "subscription hoshi-edge v1", "customer",
     "did you mean 'hoshi'"),
    (B, 'plan = "edge"', 'plan = "ledge"', "subscription hoshi-edge v1", "phase[0].plan",
     "there is no plan 'ledge'"),
    (B, "plan_version = 1", "plan_version = 7", "subscription acme-main v2", "phase[1].plan_version",
     "'team' v7"),
    (L, 'effective_from = 2026-01-01T00:00:00Z\nname = "Edge"',
     'effective_from = 2026-06-01T00:00:00Z\nname = "Edge"', "subscription hoshi-edge v1", "phase[0].plan",
     "only from 2026-06-01"),
    (B, *REWRITTEN_PHASE, "subscription acme-main v2", "phase",
     "differs from v1 before its own effective_from"),
    (B, "", TEAM_TWICE, "subscription acme-second v1", "phase[0].plan",
     "context-tokens would be billed twice"),
    (J, 'customer = "hoshi"', 'customer = "nobody"', "subject edge-client-7 v1", "customer",
     "no customer 'nobody'"),
    (J, "from = 2026-02-01", "from = 2026-01-31", "subject edge-client-7-sold v1", "from",
     "'203.0.113.7' belongs to hoshi from 2026-01-01T00:00:00Z to 2026-02-01T00:00:00Z (subjects.toml:8)"),
    (S, 'event_type = "http.request"', 'event_type = "http"', "source edge-access-log v1", "event_type",
     "no event 'http'"),
    (S, 'bytes_sent = { column = "bytes" }', "", "source edge-access-log v1", "fields", "needs 'bytes_sent'"),
    (S, "method = {", "verb = {", "source edge-access-log v1", "fields.verb", "declares a field 'verb'"),
    (Y, "grace_hours = 48", f'grace_hours = 48\npredecessor_digest = "{"a" * 64}"',
     "policy trigger-policy v1", "predecessor_digest", "there is no policy with the digest"),
]  # fmt: skip


@pytest.mark.parametrize(
    "case", [*WITHIN_ONE_DOCUMENT, *BETWEEN_DOCUMENTS], ids=lambda case: f"{case[3]} {case[4]} {case[5]}"
)
def test_a_mistake_is_named_with_its_place(case: tuple[str, str, str, str, str, str]) -> None:
    file, old, new, document, field, message = case
    problems = problems_of(with_changes((file, old, new)))
    found = [problem for problem in problems if (problem.key, problem.field) == (document, field)]
    assert found, [str(problem) for problem in problems]
    assert any(message in problem.message for problem in found), [problem.message for problem in found]
    assert all(problem.line is not None and problem.path.endswith(".toml") for problem in problems)


def test_the_sample_catalog_has_no_problem() -> None:
    assert problems_of(texts()) == []


def test_two_spans_of_one_subject_overlap_whatever_their_documents() -> None:
    problems = problems_of(with_changes((J, "", OVERLAPPING_SUBJECT)))
    assert [problem.field for problem in problems] == ["from"]
    assert "'key-acme-2' belongs to acme from 2026-01-01T00:00:00Z on" in problems[0].message


def test_a_long_span_is_compared_with_every_later_one() -> None:
    span = '[[subject]]\nsubject = "s"\ncustomer = "acme"\nfrom = 2026-0{}-01T00:00:00Z\n{}\n'
    until = "until = 2026-0{}-01T00:00:00Z"
    added = (
        span.format(2, until.format(9)) + span.format(3, until.format(4)) + span.format(6, until.format(7))
    )
    problems = problems_of(with_changes((J, "", added)))
    assert len(problems) == 2


def test_a_folder_with_ten_problems_reports_all_ten_at_once() -> None:
    problems = problems_of(
        with_changes(
            (P, 'up_to = "100000000"', 'up_to = "5"'),
            (P, 'amount = "5000"', 'amount = "1.50"'),
            (P, 'description = "Seats"', 'descripton = "Seats"\ndescription = "Seats"'),
            (M, 'field = "seats"', 'field = "chairs"'),
            (M, 'field = "context_tokens"', 'field = "model"'),
            (L, '"team-fee-usd"', '"team-fee"'),
            (C, 'zone = "Asia/Tokyo"', 'zone = "Mars/Olympus"'),
            (B, 'plan = "edge"', 'plan = "ledge"'),
            (S, "%S %z", "%S"),
            (E, "maximum = 599", "maximum = 5"),
        )
    )
    assert len(problems) == 10, "\n".join(str(problem) for problem in problems)
    assert len({problem.path for problem in problems}) == 7
    assert all(problem.line is not None for problem in problems)


def test_the_line_of_a_problem_is_the_line_of_its_member() -> None:
    files = with_changes((P, 'amount = "5000"', 'amount = "1.50"'), (E, 'type = "boolean"', 'type = "bool"'))
    for problem in problems_of(files):
        line = files[problem.path].split("\n")[(problem.line or 0) - 1]
        assert line.startswith(problem.field.split(".")[-1]), str(problem)


def test_a_broken_document_is_reported_once_and_not_by_those_who_refer_to_it() -> None:
    problems = problems_of(with_changes((M, 'key = "seats"', 'key = "seats"\ncolour = "red"')))
    assert [(problem.key, problem.field) for problem in problems] == [("meter seats v1", "colour")]
    assert str(problems[0]).startswith("meters.toml:")


def test_a_meter_is_checked_against_every_contract_version_it_meets() -> None:
    second = """
[[event]]
type = "workspace.seats"
version = 2
effective_from = 2026-06-01T00:00:00Z
description = "Seats, renamed."
[event.fields.places]
type = "integer"
use = "billing"
"""
    problems = problems_of(with_changes((E, "", second)))
    assert [(problem.key, problem.field) for problem in problems] == [("meter seats v1", "field")]
    assert "workspace.seats v2" in problems[0].message


def test_subscriptions_that_follow_one_another_bill_nothing_twice() -> None:
    later = TEAM_TWICE.replace("2026-03-01", "2027-01-01")
    ended = ("subscriptions.toml", "from = 2026-02-14T12:00:00-05:00", "from = 2026-02-14T12:00:00-05:00\n{}")
    until = (*ended[:2], ended[2].format("until = 2027-01-01T00:00:00Z"))
    assert problems_of(with_changes(until, (B, "", later))) == []
    twice = [problem for problem in problems_of(with_changes((B, "", later))) if "twice" in problem.message]
    assert [problem.key for problem in twice] == ["subscription acme-second v1"] * 2


def test_a_wrong_rate_hides_neither_a_wrong_currency_nor_a_wrong_dimension() -> None:
    """All at once: whoever mends the rate must not be sent back for the rest."""
    wrong = 'unit_amount = "-9"\ngroup_by = ["building"]'
    files = with_changes((P, 'unit_amount = "9"', wrong))
    seats = files[P].index('key = "seats-usd"')
    files[P] = files[P][:seats] + files[P][seats:].replace('"USD"', '"EUR"', 1)
    assert {(problem.key, problem.field, problem.message) for problem in problems_of(files)} >= {
        ("price seats-usd v1", "unit_amount", "-9 is negative"),
        ("price seats-usd v1", "group_by", "meter seats v1 declares no dimension 'building'"),
        ("plan team v1", "prices[3]", "price seats-usd v1 is in EUR, the plan in USD"),
    }


def test_what_cannot_be_read_is_not_judged() -> None:
    """A price of an unknown currency is not said to be in another one than its plan."""
    files = with_changes((P, 'unit_amount = "9"', 'unit_amount = "-9"'))
    seats = files[P].index('key = "seats-usd"')
    files[P] = files[P][:seats] + files[P][seats:].replace('"USD"', '"USDX"', 1)
    assert [(problem.key, problem.field) for problem in problems_of(files)] == [
        ("price seats-usd v1", "currency"),
        ("price seats-usd v1", "unit_amount"),
    ]
