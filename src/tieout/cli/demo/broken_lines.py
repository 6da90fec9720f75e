"""Lines that no meter may count: one of each kind of mistake real senders make. All end in quarantine."""

from __future__ import annotations

_HEAD = (
    '{"specversion":"1.0","id":"%s","source":"gateway/us-east","type":"%s",'
    '"subject":"key-alder-1","time":"%s",'
)
_TIME = "2026-01-01T00:00:00Z"


def broken_lines() -> list[str]:
    """Ten lines, each broken in its own way; only the one that is too new has a late instant."""
    return [
        "GET /healthz HTTP/1.1",
        _line("bad-nan", '"data":{"model":"large","input_tokens":NaN,"output_tokens":5,"status":"ok"}}'),
        _line("bad-missing", '"data":{"model":"large","input_tokens":812,"status":"ok"}}'),
        _line(
            "bad-underscore",
            '"data":{"model":"large","input_tokens":"1_000","output_tokens":5,"status":"ok"}}',
        ),
        _line("bad-negative", '"data":{"model":"large","input_tokens":-4,"output_tokens":5,"status":"ok"}}'),
        _line("bad-model", '"data":{"model":"huge","input_tokens":4,"output_tokens":5,"status":"ok"}}'),
        _line(
            "bad-twice",
            '"data":{"model":"large","model":"small","input_tokens":4,"output_tokens":5,"status":"ok"}}',
        ),
        _line("bad-naive", _GOOD_DATA, time="2026-01-01T00:00:00"),
        _line("bad-future", _GOOD_DATA, time="2031-01-01T00:00:00Z"),
        _line("bad-type", _GOOD_DATA, event_type="llm.requst"),
    ]


_GOOD_DATA = '"data":{"model":"large","input_tokens":4,"output_tokens":5,"status":"ok"}}'


def _line(event_id: str, rest: str, *, time: str = _TIME, event_type: str = "llm.request") -> str:
    return _HEAD % (event_id, event_type, time) + rest
