"""The script in a pack that compares its files with the manifest and counts its events again, by stock
tools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

CHECK_SCRIPT: Final = "check.sh"
CHECKSUMS: Final = "SHA256SUMS"

SCRIPT: Final = """#!/bin/sh
# Checks this pack with stock tools: sh check.sh [PUBLIC_KEY_FILE], in the folder where it was unpacked.
# Needs sha256sum; minisign, where a public key is given; duckdb, for the quantities.
set -eu
cd "$(dirname "$0")"
if [ $# -gt 0 ]; then
  minisign -V -q -p "$1" -m manifest.json || { echo "BREAK: the manifest is not signed by $1"; exit 6; }
  echo "ok: the manifest is signed by the key in $1"
fi
# SHA256SUMS is for sha256sum alone; that it says what the manifest says is checked line by line.
while read -r sum name; do
  grep -qF "\\"$name\\":{\\"bytes\\":$(($(wc -c < "$name"))),\\"sha256\\":\\"$sum\\"}" manifest.json || {
    echo "BREAK: the manifest says something else of $name"; exit 6; }
done < SHA256SUMS
sha256sum --check --quiet --strict SHA256SUMS || { echo "BREAK: files are not what the manifest says"; exit
6; } # All files but the four below must be listed: nothing is added.
extra=$(find . -type f | sed 's|^\\./||' | grep -vxF -e manifest.json -e manifest.json.minisig -e SHA256SUMS
| sort) listed=$(sed 's/^[0-9a-f]*  //' SHA256SUMS | sort)
[ "$extra" = "$listed" ] || { echo "BREAK: files are added or missing"; exit 6; }
echo "ok: every file is what the manifest says"
for folder in usage/*/; do
  [ -f "$folder/quantity.sql" ] || continue
  found=$(cd "$folder" && duckdb -csv < quantity.sql)
  echo "$folder"; echo "$found"
  if echo "$found" | grep -q ',false$'; then echo "BREAK: $folder counts to something else"; exit 6; fi
done
echo "ok: all files and quantities check"
"""


def checksums(listed: Sequence[tuple[str, str]]) -> str:
    """Lines of (SHA-256, name), as sha256sum reads them."""
    return "".join(f"{digest}  {name}\n" for digest, name in listed)
