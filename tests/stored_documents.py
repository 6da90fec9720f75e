"""Whether a document is read as it is written: its bytes gone through once more, member by member."""

from __future__ import annotations

import json
from collections.abc import Iterator

import msgspec

from tieout.invoice.stored_document import read_document


def misread(document: bytes) -> list[str]:
    """Every member that the reader gives otherwise than the bytes have it, or makes up."""
    return list(_compared("document", read_document("one", document), json.loads(document)))


def _compared(name: str, read: object, said: object) -> Iterator[str]:
    if isinstance(read, msgspec.Struct) and isinstance(said, dict):
        for field in msgspec.structs.fields(read):
            value = getattr(read, field.name)
            if field.encode_name in said:
                yield from _compared(f"{name}.{field.name}", value, said[field.encode_name])
            elif field.required or value != field.default:
                yield f"{name}.{field.name}: {value!r} is not in the document"
    elif isinstance(read, list | tuple) and isinstance(said, list) and len(read) == len(said):
        for place, (one, other) in enumerate(zip(read, said, strict=True)):
            yield from _compared(f"{name}[{place}]", one, other)
    elif read != said:
        yield f"{name}: {read!r} is read, {said!r} is written"
