"""A CloudEvent in the binary mode of HTTP: its attributes are headers, its data is the body.

The item is written as the structured mode would have it, with the body as it came, so that one definition
decides on both. https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from tieout.ingest.framing import BLANK
from tieout.ingest.parcel import Parcel, parcel_of_item
from tieout.ingest.reason import Reason
from tieout.ingest.rejection import UNKNOWN_SOURCE, Flaw, Rejected
from tieout.ingest.strict_json import read_json
from tieout.ingest.validate import id_of, identifier
from tieout.kernel.limits import SOURCE_LENGTH_MAX

_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")


def parcel_of_headers(attributes: Sequence[tuple[bytes, bytes]], body: bytes) -> Parcel:
    """One item. `attributes`: (name without `ce-`, value) of each such header, as they came."""
    data = body.strip(BLANK)
    flaw: Flaw | None = None
    try:
        if data:
            read_json(data)
        members = [(_text(name), _text(_decoded(value))) for name, value in attributes]
    except Flaw as found:
        flaw = found
        members = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in attributes]
    written = [f"{json.dumps(name)}:{json.dumps(value)}".encode() for name, value in members]
    if data:
        written.append(b'"data":' + data)
    item = b"{" + b",".join(written) + b"}"
    return parcel_of_item(item, None if flaw is None else _rejected(flaw, dict(members)))


def _text(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Flaw(Reason.NOT_UTF8, None, f"byte {error.start} of a header") from None


def _decoded(value: bytes) -> bytes:
    """Section 3.1.3.2: what stands between double quotes, and then each percent sign with two hexadecimal
    digits as the byte it writes.
    """
    if len(value) >= 2 and value.startswith(b'"') and value.endswith(b'"'):
        value = _ESCAPED.sub(rb"\1", value[1:-1])
    return _PERCENT.sub(lambda found: bytes([int(found[1], 16)]), value)


def _rejected(flaw: Flaw, members: dict[str, str]) -> Rejected:
    """The flaw, under the source and id that the headers name."""
    try:
        source = identifier(
            members.get("source"), Reason.SOURCE_MALFORMED, "source", length_max=SOURCE_LENGTH_MAX
        )
    except Flaw:
        return flaw.rejected(UNKNOWN_SOURCE)
    try:
        return flaw.rejected(source, id_of(members.get("id")))
    except Flaw:
        return flaw.rejected(source)
