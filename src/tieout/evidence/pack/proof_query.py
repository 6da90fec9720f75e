# ruff: noqa: S608 (names of files)
"""The SQL that derives in stock DuckDB the roots of a pack's pieces again, from the disclosed events and the
hashes between them; and those of its heads, from the pieces.

It is run in the folder of the snapshot, or in that of the log: `duckdb < proof.sql`. Leaves are numbered by
the stretches of `proof.csv`; then each level of the tree is made from the one below, where the hashes of
hidden subtrees join it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tieout.evidence.pack.query import FILES

PROOF_QUERY: Final = "proof.sql"
HEAD_PROOF_QUERY: Final = "log/proof.sql"
_MACROS: Final = """\
-- Run in this folder: duckdb < proof.sql. Every answer in the column `agrees` must be true.
-- {leaf}
-- A node is SHA-256 of 01 and both children; what has no neighbour at the right edge moves up as it is
-- (RFC 6962).
CREATE TEMP MACRO backwards(digits) AS array_to_string(list_reverse(regexp_extract_all(digits, '..')), '');
CREATE TEMP MACRO height(leaves) AS CASE WHEN leaves = 1 THEN 0 ELSE length(bin(leaves - 1)) END;
"""
_EVENT_LEAF: Final = """\
A leaf is SHA-256 of 00, batch (8 bytes) and row (4), the least byte first, and 128 bits of the content
-- digest."""
_PIECES: Final = """\
CREATE TEMP VIEW pieces AS SELECT unnest(pieces, recursive := true) FROM read_json('../../log/roots.json');
"""
_PIECE_LEAF: Final = """\
A leaf is SHA-256 of 00 and a text: the name of a piece, its number of events and its root, one blank between.
-- Each piece lies behind the batches of the head with roots before, and under its own; each head names the
-- SHA-256 of the one before."""
_HEADS: Final = """\
CREATE TEMP VIEW cover AS SELECT "head" AS piece, CAST("start" AS BIGINT) AS opens,
CAST("end" AS BIGINT) AS closes, hash FROM {proof};
CREATE TEMP VIEW heads AS SELECT CAST("number" AS VARCHAR) AS piece, "pieces" AS "rows", root, upto,
lag(upto, 1, 0) OVER (ORDER BY "number") AS behind FROM read_json('heads.json') WHERE root IS NOT NULL;
CREATE TEMP VIEW chain AS SELECT CAST(json ->> '$.number' AS BIGINT) AS place,
json ->> '$.previous' AS previous, sha256(CAST(json AS VARCHAR)) AS digest
FROM read_json_objects('heads.json', format = 'array');
CREATE TEMP VIEW follow AS SELECT place = row_number() OVER (ORDER BY place)
AND previous IS NOT DISTINCT FROM lag(digest) OVER (ORDER BY place) AS agrees FROM chain;
CREATE TEMP VIEW pieces AS SELECT * FROM heads WHERE piece IN (SELECT piece FROM cover);
CREATE TEMP VIEW stated AS SELECT unnest(pieces, recursive := true) FROM read_json('roots.json');
CREATE TEMP TABLE leaves AS SELECT CAST("head" AS VARCHAR) AS piece, row_number() OVER (PARTITION BY "head"
ORDER BY "type", contract_version, first_batch, last_batch) - 1 AS ordinal,
sha256(unhex('00' || hex(piece || ' ' || "rows" || ' ' || root))) AS hash FROM stated;
SELECT 'pieces under heads that follow' AS compared, count(*) AS pieces,
bool_and(coalesce(first_batch > behind AND last_batch <= upto
AND stated.piece = "type" || '/v' || contract_version || '/' || first_batch || '-' || last_batch, false))
AND (SELECT bool_and(agrees) FROM follow) AS agrees
FROM stated LEFT JOIN heads ON heads.piece = CAST("head" AS VARCHAR);
"""
_COVER: Final = """\
CREATE TEMP VIEW cover AS SELECT piece, CAST("start" AS BIGINT) AS opens, CAST("end" AS BIGINT) AS closes,
hash FROM {proof};
"""
_EVENTS: Final = """\
SELECT "type", "subject", CAST("time" AS BIGINT) AS "time", CAST("batch" AS BIGINT) AS "batch",
CAST("row" AS BIGINT) AS "row", CAST("contract_version" AS BIGINT) AS "contract_version", "content_digest"
FROM {file}"""
_EVENT_LEAVES: Final = """\
CREATE TEMP TABLE leaves AS SELECT piece,
row_number() OVER (PARTITION BY piece ORDER BY "subject", "time", "batch", "row") - 1 AS ordinal,
sha256(unhex('00' || backwards(format('{:016x}', "batch")) || backwards(format('{:08x}', "row"))
|| "content_digest"[1:32])) AS hash
FROM disclosed JOIN pieces ON disclosed."type" = pieces."type"
AND disclosed."contract_version" = pieces."contract_version" AND "batch" BETWEEN first_batch AND last_batch
WHERE piece IN (SELECT piece FROM cover);
"""
_ALL_THERE: Final = """\
SELECT 'events in the log' AS compared, leaves, events, leaves = events AS agrees
FROM (SELECT count(*) AS leaves FROM leaves), (SELECT count(*) AS events FROM disclosed);
"""
_TREE: Final = """\
CREATE TEMP TABLE stretches AS SELECT piece, opens, coalesce(sum(closes - opens)
OVER (PARTITION BY piece ORDER BY opens ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS ordinal
FROM cover WHERE hash IS NULL;
CREATE TEMP TABLE nodes AS SELECT 0 AS level, leaves.piece,
CAST(opens + leaves.ordinal - stretches.ordinal AS BIGINT) AS place, hash
FROM leaves ASOF JOIN stretches ON leaves.piece = stretches.piece AND leaves.ordinal >= stretches.ordinal
UNION ALL SELECT height(closes - opens), piece, opens >> height(closes - opens), hash
FROM cover WHERE hash IS NOT NULL;
WITH RECURSIVE tree AS (SELECT level, piece, place, hash FROM nodes WHERE level = 0
UNION ALL SELECT level + 1, piece, place >> 1, CASE count(*) WHEN 1 THEN any_value(hash)
ELSE sha256(unhex('01' || string_agg(hash, '' ORDER BY place))) END
FROM (SELECT * FROM tree UNION ALL SELECT * FROM nodes WHERE level > 0 AND level IN (SELECT level FROM tree))
JOIN pieces USING (piece) WHERE level < height(pieces."rows") GROUP BY level, piece, place >> 1)
SELECT piece, tree.hash AS root, pieces.root AS stated_root, tree.hash = pieces.root AS agrees
FROM tree JOIN pieces USING (piece) WHERE level = height(pieces."rows") ORDER BY piece;
"""


def proof_sql(files: Sequence[str]) -> str:
    """`files`: names of the CSV files of events, without their endings."""
    csv = FILES["csv"]
    events = "\nUNION ".join(_EVENTS.format(file=csv.format(name=name)) for name in files)
    disclosed = f"CREATE TEMP VIEW disclosed AS SELECT DISTINCT * FROM (\n{events});\n"
    cover = _COVER.format(proof=csv.format(name="proof"))
    macros = _MACROS.replace("{leaf}", _EVENT_LEAF)
    return macros + _PIECES + cover + disclosed + _EVENT_LEAVES + _ALL_THERE + _TREE


def head_proof_sql() -> str:
    """The roots of heads, from the pieces that are stated under them."""
    macros = _MACROS.replace("{leaf}", _PIECE_LEAF)
    return macros + _HEADS.format(proof=FILES["csv"].format(name="proof")) + _TREE
