#!/bin/sh
# Packs one sealed invoice of a home and has stock tools alone verify it: unzip, minisign, sha256sum, duckdb.
# After `make demo`: `make prove`, or  sh docs/how-to/prove-one-invoice.sh [HOME [INVOICE]]
# The steps are those of check-a-pack-without-tieout.md; none of the second half can import tieout.
set -eu
home=${1:-demo-home}
tieout=${TIEOUT:-.venv/bin/tieout}
first() { "$tieout" invoice list --home "$home" --json | sed -n 's/.*"number": *"\([^"]*\)".*/\1/p' | head -n 1; }
invoice=${2:-$(first)}
duckdb=${DUCKDB:-.venv/bin/duckdb}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The seller's part.
"$tieout" evidence key --home "$home" > "$work/key.pub" 2> /dev/null ||
  "$tieout" evidence key --create --home "$home" > "$work/key.pub"
"$tieout" evidence heads --home "$home" --export "$work/head.json"
"$tieout" evidence build "$invoice" --home "$home" --out "$work/pack.zip"

# The stranger's part: a folder, and tools.
mkdir "$work/tools"
for tool in sh unzip minisign sha256sum grep sed sort find wc dirname cat tail; do
  ln -s "$(command -v "$tool")" "$work/tools/$tool"
done
ln -s "$(cd "$(dirname "$duckdb")" && pwd)/$(basename "$duckdb")" "$work/tools/duckdb"
cd "$work"
env -i PATH="$work/tools" sh -eu -c '
  unzip -q pack.zip -d pack
  cd pack
  sh check.sh ../key.pub
  minisign -V -q -p ../key.pub -m ../head.json
  grep -qF "$(cat ../head.json)" log/heads.json
  echo "ok: the pack stands by the head that was kept"'
