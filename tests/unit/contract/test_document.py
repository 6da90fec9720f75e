"""What is written becomes canonical text, and the text becomes the same record again, for ever."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from tests.unit.contract.sample import documents_of, texts
from tieout.contract.check import check
from tieout.contract.document import Document, DocumentKind, parse_documents, record_of
from tieout.kernel.instant import parse_instant

PLAN = """[[plan]]
key = "p"
version = 1
effective_from = {}
name = "Plan"
currency = "USD"
prices = ["x"]
"""


def only(text: str) -> Document:
    documents, problems = parse_documents("f.toml", text)
    assert problems == []
    assert len(documents) == 1
    return documents[0]


def messages(text: str) -> list[str]:
    return [str(problem) for problem in parse_documents("f.toml", text)[1]]


def test_every_document_of_the_sample_survives_storage() -> None:
    documents, problems = documents_of(texts())
    assert problems == []
    assert {document.kind for document in documents} == set(DocumentKind)
    for document in documents:
        stored = replace(document, path="", line=None, lines={})
        assert stored == document
        assert record_of(stored) == record_of(document)
        assert not isinstance(record_of(stored), tuple)
        assert json.dumps(
            json.loads(document.table), sort_keys=True, separators=(",", ":"), ensure_ascii=False
        ) == (document.table)
        assert document.digest == hashlib.sha256(document.table.encode()).hexdigest()


def test_a_catalog_can_be_built_from_stored_documents() -> None:
    documents, _ = documents_of(texts())
    stored = [replace(document, path="", line=None, lines={}) for document in documents]
    fresh, again = check(documents)[0], check(stored)[0]
    assert fresh is not None
    assert again is not None
    assert tuple(fresh.prices) == tuple(again.prices)
    assert fresh.subjects.spans == again.subjects.spans


def test_defaults_are_not_part_of_what_is_digested() -> None:
    document = only(PLAN.format("2026-01-01T00:00:00Z"))
    assert document.table == (
        '{"currency":"USD","effective_from":"2026-01-01T00:00:00Z","key":"p","name":"Plan",'
        '"prices":["x"],"version":1}'
    )


def test_layout_comments_and_order_of_keys_do_not_change_the_digest() -> None:
    lines = PLAN.format("2026-01-01T00:00:00Z").splitlines()
    shuffled = "\n".join(["# a comment", lines[0], *reversed(lines[1:]), ""])
    assert only(shuffled).digest == only(PLAN.format("2026-01-01T00:00:00Z")).digest


@pytest.mark.parametrize(
    "written", ["2026-01-01T01:00:00+01:00", '"2026-01-01T01:00:00+01:00"', '"2026-01-01T00:00:00Z"']
)
def test_instants_may_be_text_or_toml_date_times_with_an_offset(written: str) -> None:
    assert only(PLAN.format(written)).effective_from == parse_instant("2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("2026-01-01T00:00:00", "has no offset"),
        ('"2026-01-01T00:00:00"', "has no UTC offset"),
        ("2026-01-01", "RFC 3339"),
        ("10:00:00", "is a time without a date"),
        ('"2026-02-30T00:00:00Z"', "does not exist"),
        ("20260101", "must be an RFC 3339 time with an offset, not the number"),
        ("1.5", "write the decimal as a string"),
        ("nan", "write the decimal as a string"),
    ],
)
def test_an_instant_without_a_zone_or_of_another_type_is_a_problem(written: str, message: str) -> None:
    found = messages(PLAN.format(written))
    assert any(f"f.toml:4: plan p: effective_from: {message}" in text or message in text for text in found), (
        found
    )


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('[[plan]]\nkey = "a\n', 2, "is not TOML"),
        ("[[plan]]\nversion = 1\nversion = 2\n", 3, "Cannot overwrite a value"),
        ("[[plan]]\nprices = [", 2, "is not TOML"),
        ("[[plan]]\nversion = 01\n", 2, "is not TOML"),
        ("[[plan]]\nx = 2026-13-01\n", 2, "is not TOML"),
        ("x = " + "[" * 100_000, None, "nested too deeply"),
        ("x = " + "9" * 5_000, None, "is not TOML"),
    ],
)
def test_bad_toml_is_a_problem_with_its_line(text: str, line: int | None, message: str) -> None:
    documents, problems = parse_documents("f.toml", text)
    assert documents == []
    assert [(problem.path, problem.line) for problem in problems] == [("f.toml", line)]
    assert message in str(problems[0])


def test_an_unknown_kind_of_document_is_a_problem() -> None:
    assert messages('[[metre]]\nkey = "x"\n') == [
        "f.toml:1: metre: unknown kind of document; did you mean 'meter'?"
    ]
    assert messages('[plan]\nkey = "x"\n') == ["f.toml: plan: write documents as [[plan]]"]
    assert messages("plan = [1]\n") == ["f.toml: plan #1: write documents as [[plan]] tables"]


def test_a_document_without_a_readable_head_still_shows_all_its_problems() -> None:
    found = messages(
        '[[plan]]\nversion = 0\neffective_from = "soon"\nname = 5\nprices = []\ncolour = "red"\n'
    )
    assert [text.split(": ")[2] for text in found] == [
        *("key", "version", "effective_from", "prices", "currency", "name", "colour")
    ]
    assert all(text.startswith("f.toml:") for text in found)


@pytest.mark.parametrize("value", ["1.5", "1e3", "inf", "nan", "-0.0"])
def test_a_toml_float_is_a_problem_wherever_it_stands(value: str) -> None:
    found = messages(PLAN.format("2026-01-01T00:00:00Z") + f"deep = [{{ x = {value} }}]\n")
    assert f'f.toml:8: plan p: deep[0].x: write the decimal as a string: "{value}"' in found


@pytest.mark.parametrize("value", ["1000000000000000000", "-1000000000000000000", "0x" + "f" * 10_000])
def test_an_integer_has_a_limit(value: str) -> None:
    found = messages(PLAN.format("2026-01-01T00:00:00Z").replace("version = 1", f"version = {value}"))
    assert "f.toml:3: plan p: version: is an integer of more than 18 digits" in found


@pytest.mark.parametrize("written", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_an_instant_outside_the_years_1_to_9999_in_utc_is_a_problem(written: str) -> None:
    for value in (written, f'"{written}"'):
        assert any("f.toml:4" in text and "does not exist" in text for text in messages(PLAN.format(value)))


def test_nesting_has_a_limit() -> None:
    deep = "[" * 40 + "]" * 40
    found = messages(PLAN.format("2026-01-01T00:00:00Z") + f"deep = {deep}\n")
    assert any("nested deeper than 32" in text for text in found)


def test_a_tampered_stored_document_is_not_read() -> None:
    document = only(PLAN.format("2026-01-01T00:00:00Z"))
    tampered = replace(document, table=document.table.replace("USD", "EUR"))
    found = record_of(tampered)
    assert isinstance(found, tuple)
    assert "does not have the stored digest" in found[0].message
    renamed = record_of(replace(document, version=2))
    assert isinstance(renamed, tuple)
    assert "is of p v1" in renamed[0].message


def test_an_empty_file_has_no_documents_and_no_problems() -> None:
    assert parse_documents("f.toml", "") == ([], [])
    assert parse_documents("f.toml", "# nothing\n") == ([], [])


def test_a_header_inside_a_multi_line_text_is_not_taken_for_a_document() -> None:
    text = "[[event]]\ntype = 'a'\nversion = 1\neffective_from = 2026-01-01T00:00:00Z\n"
    text += "description = '''\n[[event]]\n''' # '''\n[[event]]\ntype = 'b'\nversion = 0\n"
    found = messages(text)
    assert "f.toml:10: event b: version: 0 is outside 1 to 1000000" in found
    assert "f.toml:8: event b: effective_from: is missing" in found


def test_a_subject_mapping_without_a_key_is_known_by_customer_start_and_subjects() -> None:
    text = '[[subject]]\nsubject = "s"\ncustomer = "c"\nfrom = 2026-01-01T00:00:00Z\n'
    first, second = only(text), only(text + "version = 2\nuntil = 2026-02-01T00:00:00Z\n")
    assert first.key == second.key
    assert first.key.startswith("c@2026-01-01T00:00:00Z#")
    assert first.key != only(text.replace('"s"', '"t"')).key
