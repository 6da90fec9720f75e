"""A pack's CSV, read by the verifier: what Arrow writes comes back, whatever the texts; nothing else does."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.evidence.verify.events_file import HEAD, TAIL, BadFile, DisclosedEvent, events_of

TEXT = st.text(st.sampled_from('ab,"\n\r é0-'), max_size=6)
ROW = st.tuples(TEXT, TEXT, st.none() | TEXT)


def written(rows: list[tuple[str, str, str | None]]) -> bytes:
    numbers = pa.array(range(len(rows)), pa.int64())
    texts = [pa.array([row[place] for row in rows], pa.string()) for place in range(3)]
    same = {"key": ["00" * 16] * len(rows), "digest": ["11" * 32] * len(rows)}
    columns = [numbers, numbers, texts[0], texts[1], texts[0], texts[1], numbers, numbers, texts[0]]
    columns += [texts[2], *(pa.array(each, pa.string()) for each in same.values())]
    columns.append(pa.nulls(len(rows), pa.string()))
    file = io.BytesIO()
    table = pa.table(columns, names=[*HEAD, "f_said", *TAIL])
    pa_csv.write_csv(table, file, pa_csv.WriteOptions(quoting_style="needed"))
    return file.getvalue()


@given(st.lists(ROW, max_size=5))
def test_what_is_written_is_read(rows: list[tuple[str, str, str | None]]) -> None:
    found = events_of(written(rows))
    assert [_told(event) for event in found] == rows


def _told(event: DisclosedEvent) -> tuple[str, str, str | None]:
    return event.source, event.id, event.fields.get("said")


@pytest.mark.parametrize(
    "change",
    [
        (b'"a"', b'a"'),
        (b'"a"', b'"a'),
        (b"\n0,", b"\n,"),
        (b"\n0,", b"\n 0,"),
        (b"batch", b"back"),
        (b"11", b"1g"),
    ],
)
def test_what_is_not_so_written_is_refused(change: tuple[bytes, bytes]) -> None:
    content = written([("a", "b", None)])
    assert change[0] in content
    with pytest.raises(BadFile):
        events_of(content.replace(*change, 1))
