"""L9: the same snapshots under the same prices give the same bytes, in any hash seed, zone and locale."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import product
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = """
import locale, sys
try:
    locale.setlocale(locale.LC_ALL, "")
except locale.Error:
    pass
from tests.unit.invoice.test_invoice import drafted, fee, usage
from tieout.invoice.document import document_bytes
large, credit = usage("1234567.000000000001", "0.0175"), usage("-3", "0.005")
charges = [large, credit, fee("2026-01-03", "2026-01-31T07:00:00Z")]
sys.stdout.buffer.write(document_bytes(drafted(*charges)))
"""


def bytes_under(*, seed: str, zone: str, language: str) -> bytes:
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
        "PYTHONHASHSEED": seed,
        "TZ": zone,
        "LC_ALL": language,
        "LANG": language,
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, check=True, cwd=ROOT
    )
    return done.stdout


def test_equal_bytes_in_every_environment() -> None:
    seeds, zones, languages = ("0", "1", "4242"), ("UTC", "Pacific/Apia"), ("C", "C.utf8", "de_DE.UTF-8")
    found = {
        bytes_under(seed=seed, zone=zone, language=language)
        for seed, zone, language in product(seeds, zones, languages)
    }
    assert len(found) == 1
    assert b"1,234,567" in found.pop()
