"""Documents of every age are read as they are written; what is no invoice document is refused."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.stored_documents import misread
from tieout.invoice.stored_document import NotAnInvoiceDocument, read_document
from tieout.kernel.instant import parse_instant
from tieout.kernel.period import Period

Members = dict[str, Any]
GOLDEN = sorted((Path(__file__).parents[2] / "golden").glob("pack_v*.zip"))


def packed(pack: Path) -> bytes:
    with zipfile.ZipFile(pack) as read:
        return read.read("invoice/document.json")


def format_1() -> Members:
    """As the first documents were: nothing between the lines and the total, no retractions, no categories."""
    document: Members = json.loads(packed(GOLDEN[0]))
    document["format"] = "tieout/invoice/1"
    for name in ("discounts", "taxes", "credits", "due", "paper"):
        del document[name]
    for line in document["lines"]:
        for name in ("amount_after_discounts", "tax_category"):
            del line[name]
        if line["snapshot"] is not None:
            del line["snapshot"]["retracted_count"]
    return document


@pytest.mark.parametrize("pack", GOLDEN, ids=lambda pack: pack.stem)
def test_a_document_that_was_packed_is_read_for_ever(pack: Path) -> None:
    assert misread(packed(pack)) == []


def test_a_document_of_format_1_is_read() -> None:
    document = format_1()
    stored = json.dumps(document).encode()
    read = read_document("one", stored)
    assert misread(stored) == []
    assert (read.due, read.credits, read.taxes, read.discounts) == (None, (), (), ())
    assert [line.net for line in read.lines] == [line["amount"] for line in document["lines"]]
    assert {line.tax_category for line in read.lines} == {"standard"}


def test_a_line_says_what_coupons_left_of_it_and_when_it_is_for() -> None:
    document = json.loads(packed(GOLDEN[0]))
    document["lines"][0]["amount_after_discounts"] = "0.01"
    line, said = read_document("one", json.dumps(document).encode()).lines[0], document["lines"][0]["segment"]
    assert line.net == "0.01" != line.amount
    assert line.segment.period == Period(parse_instant(said["start"]), parse_instant(said["end"]))


def spoil_amount(document: Members) -> None:
    document["lines"][0]["amount"] = 12


def spoil_lines(document: Members) -> None:
    del document["lines"]


def spoil_period(document: Members) -> None:
    document["period"] = "January"


@pytest.mark.parametrize("spoil", [spoil_amount, spoil_lines, spoil_period], ids=lambda each: each.__name__)
def test_what_is_no_invoice_document_is_refused_by_name(spoil: Callable[[Members], None]) -> None:
    document = json.loads(packed(GOLDEN[0]))
    spoil(document)
    with pytest.raises(NotAnInvoiceDocument, match="INV-000003"):
        read_document("INV-000003", json.dumps(document).encode())


@pytest.mark.parametrize("stored", [b"", b"null", b"[]", b"{}", b"\xff"])
def test_other_bytes_are_refused_too(stored: bytes) -> None:
    with pytest.raises(NotAnInvoiceDocument):
        read_document("INV-000003", stored)
