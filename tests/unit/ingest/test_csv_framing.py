"""Records of CSV: a header that does not fit refuses the file, a row that does not fit is one bad row."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.ingest.sample import CSV, EXAMPLES
from tieout.ingest.csv_framing import CsvHeaderRefused, CsvRecord, csv_records
from tieout.ingest.reason import Reason
from tieout.kernel.limits import ITEM_BYTES_MAX

HEADER = "Request,Client,Time,Model,Tokens\r\n"
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=6)


def records(text: str | bytes, size: int = 7) -> list[CsvRecord]:
    data = text if isinstance(text, bytes) else text.encode()
    return list(csv_records([data[at : at + size] for at in range(0, len(data), size)], CSV, file="use.csv"))


def test_records_have_their_line_bytes_and_cells() -> None:
    (first, second) = records(HEADER + 'r1,7,t,"a\r\n""b""",1\r\n\r\nr2,8,t,,2')
    assert (first.item.number, first.item.raw) == (2, b'r1,7,t,"a\r\n""b""",1')
    assert first.columns == {"Request": "r1", "Client": "7", "Time": "t", "Model": 'a\r\n"b"', "Tokens": "1"}
    assert (second.item.number, second.item.raw) == (5, b"r2,8,t,,2")
    assert second.columns["Model"] == ""


@EXAMPLES
@given(st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS, CELLS), max_size=5), st.integers(1, 9))
def test_what_a_csv_writer_writes_is_read_back(rows: list[tuple[str, ...]], size: int) -> None:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([HEADER.strip().split(","), *rows])
    assert [tuple(record.columns.values()) for record in records(out.getvalue(), size)] == rows


def test_a_byte_order_mark_does_not_hide_the_first_column() -> None:
    (record,) = records(b"\xef\xbb\xbf" + HEADER.encode() + b"r1,7,t,m,1")
    assert record.columns["Request"] == "r1"


def test_more_columns_than_the_mapping_reads_are_fine() -> None:
    (record,) = records("Extra," + HEADER + "x,r1,7,t,m,1")
    assert record.columns["Tokens"] == "1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "use.csv, line 1: the file is empty"),
        (
            "Request,Client,Time,Model\r\n",
            "use.csv, line 1, column 'Tokens': source gateway-csv reads this column",
        ),
        ("Request,Client,Time,Model,tokens\r\n", "use.csv, line 1, column 'Tokens'"),
        ("Tokens," + HEADER, "use.csv, line 1, column 'Tokens': the column is there twice"),
        ('Request,"Client\r\n', "use.csv, line 1: the header is truncated"),
        (b"Request,\xff\r\n", "use.csv, line 1: the header is not-utf8"),
    ],
)
def test_a_header_that_does_not_fit_refuses_the_file(text: str | bytes, said: str) -> None:
    with pytest.raises(CsvHeaderRefused) as caught:
        records(text)
    assert str(caught.value).startswith(said)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"r1,7,t,m", Reason.ROW_MALFORMED),
        (b"r1,7,t,m,1,2", Reason.ROW_MALFORMED),
        (b'r1,7,t,"m"x,1', Reason.ROW_MALFORMED),
        (b"r1,7,t,m\rm,1", Reason.ROW_MALFORMED),
        (b"r1,7,t,\xff,1", Reason.NOT_UTF8),
        (b"r1,7,t,%s,1" % (b"x" * 200_000), Reason.ROW_MALFORMED),
        (b"r1,7,t,%s,1" % (b"x," * ITEM_BYTES_MAX), Reason.TOO_LARGE),
        (b'r1,7,t,%s,1"' % (b'"x\n","' * (ITEM_BYTES_MAX // 5)), Reason.ROW_MALFORMED),
    ],
)
def test_a_row_that_does_not_fit_is_one_bad_row(row: bytes, reason: Reason) -> None:
    found = records(HEADER.encode() + row + b"\nr2,8,t,m,2\n", size=1_000_000)
    bad, good = found[0], found[-1]
    assert (bad.item.number, bad.item.reason, bad.columns) == (2, reason, {})
    assert row.startswith(bad.item.raw[:100]) and bad.item.rejected("gateway-csv").reason is reason
    assert good.columns["Request"] == "r2"


def test_a_quote_that_is_never_closed_is_a_truncated_record() -> None:
    (record,) = records(HEADER + 'r1,7,t,"m,1\nr2,8,t,m,2\n')
    assert (record.item.reason, record.item.raw) == (Reason.TRUNCATED, b'r1,7,t,"m,1\nr2,8,t,m,2')
