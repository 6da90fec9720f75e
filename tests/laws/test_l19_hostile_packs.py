"""L19: a builder who holds the key states heads over whatever he likes, and writes any member in any form: what
a kept head is said to tell is true, and a verifier lists breaks whatever it reads.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.evidence_packs import PackedHome, canonical, packed_home
from tieout.evidence.head import SIGNED_AS, comment_of
from tieout.evidence.pack.minisign import signature_text
from tieout.evidence.pack.proofs import HEAD_PROOF, HEADS, ROOTS
from tieout.evidence.verify.log import KEPT
from tieout.evidence.verify.verify import verify_pack

Any_ = Any  # a JSON member before it is written


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> PackedHome:
    return packed_home(tmp_path_factory.mktemp("l19-hostile"))


def signed(packed: PackedHome, statement: bytes) -> tuple[bytes, bytes]:
    """A head as the builder signs it for somebody to keep."""
    text = statement.decode()
    signature = signature_text(
        statement, comment_of(text), about=SIGNED_AS, public_key=packed.key.public_key(), sign=packed.key.sign
    )
    return statement, signature.encode()


def test_a_kept_head_that_is_not_in_the_pack_tells_nothing(packed: PackedHome) -> None:
    """The log was written anew with fewer heads; that the old one covers the new events is not said."""
    heads = json.loads(packed.members[HEADS])
    later = {**heads[-1], "number": len(heads) + 6, "previous": "0" * 64}
    report = verify_pack(packed.content, packed.key_file, signed(packed, canonical(later)))
    assert not any("Whoever kept head" in each for each in report.checked)
    assert any("is later than the last head of the pack" in each for each in report.not_derived)
