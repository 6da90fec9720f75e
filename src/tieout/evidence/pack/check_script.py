"""The script in a pack that compares its files with the manifest and counts its events again, and derives
the roots above them, by stock tools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

CHECK_SCRIPT: Final = "check.sh"
CHECKSUMS: Final = "SHA256SUMS"

SCRIPT: Final = """#!/bin/sh
# Checks this pack with stock tools: sh check.sh [PUBLIC_KEY_FILE], in the folder where it was unpacked.
# Needs sha256sum; minisign, where a public key is given; duckdb, for quantities and roots.
# Exit code 0: everything checks. 6: something does not. 3: a tool is not installed.
set -eu
case "${1:-}" in "" | /*) key="${1:-}" ;; *) key="$PWD/$1" ;; esac
cd "$(dirname "$0")"
broken() { echo "BREAK: $1"; exit 6; }
for tool in sha256sum duckdb ${key:+minisign}; do
  command -v "$tool" > /dev/null || { echo "$tool is not installed"; exit 3; }
done
if [ -n "$key" ]; then
  minisign -V -q -p "$key" -m manifest.json || broken "the manifest is not signed by $key"
  echo "ok: the manifest is signed by the key in $key"
fi
# SHA256SUMS is for sha256sum alone; that it says what the manifest says is checked line by line.
while read -r sum name; do
  [ -f "$name" ] || broken "$name is missing"
  said="\\"$name\\":{\\"bytes\\":$(($(wc -c < "$name"))),\\"sha256\\":\\"$sum\\"}"
  grep -qF "$said" manifest.json || broken "the manifest says something else of $name"
done < SHA256SUMS
sha256sum --check --quiet --strict SHA256SUMS || broken "files are not what the manifest says"
# Every other file must be listed, and listed files must be there.
there=$(find . ! -type d | sed 's|^[.]/||' | grep -vxE 'manifest[.]json([.]minisig)?|SHA256SUMS' | sort)
listed=$(sed 's/^[0-9a-f]*  //' SHA256SUMS | sort)
[ "$there" = "$listed" ] || broken "files are added or missing"
echo "ok: every file is what the manifest says"
for query in usage/*/quantity.sql usage/*/proof.sql log/proof.sql; do
  [ -f "$query" ] || continue
  folder=$(dirname "$query")
  echo "$query"
  found=$(cd "$folder" && duckdb -csv < "${query##*/}") || broken "$query does not run"
  echo "$found"
  # Every line is a heading, which ends in "agrees", or an answer, which ends in "true".
  if echo "$found" | grep -qvE ',(agrees|true)$'; then broken "$query comes to something else"; fi
done
echo "ok: all files, quantities and roots check"
"""


def checksums(listed: Sequence[tuple[str, str]]) -> str:
    """Lines of (SHA-256, name), as sha256sum reads them."""
    return "".join(f"{digest}  {name}\n" for digest, name in listed)
