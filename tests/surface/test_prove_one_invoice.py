"""The script that packs an invoice and has stock tools alone verify it, as `make prove` runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb_cli

from tests.evidence_packs import packed_home
from tests.tidy.tree import ROOT

SCRIPT = ROOT / "docs" / "how-to" / "prove-one-invoice.sh"


def test_an_invoice_is_proven_by_the_script(tmp_path: Path) -> None:
    packed = packed_home(tmp_path)
    programs = Path(sys.executable).parent
    shell = Path(duckdb_cli.__file__).with_name("duckdb")
    env = {
        "PATH": os.environ["PATH"],
        "TIEOUT": str(programs / "tieout"),
        "DUCKDB": str(shell),
    }
    command = ["sh", str(SCRIPT), str(packed.folder)]
    ran = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "invoice INV-000001" in ran.stdout, "the first, where none is named"
    assert "ok: all files, quantities and roots check" in ran.stdout
    assert ran.stdout.endswith("ok: the pack stands by the head that was kept\n")
    other = ["sh", str(SCRIPT), str(packed.folder), "INV-999999"]
    ran = subprocess.run(other, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 3 and "INV-999999" in ran.stderr
