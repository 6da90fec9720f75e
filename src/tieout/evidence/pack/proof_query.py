# ruff: noqa: S608 (names of files)
"""The SQL that derives the roots of a pack's pieces again in stock DuckDB, from the disclosed events and the
hashes between them.

It is run in the folder of the snapshot: `duckdb < proof.sql`. Leaves are numbered by the stretches of
`proof.csv`; then each level of the tree is made from the one below, where the hashes of hidden subtrees join
it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tieout.evidence.pack.query import FILES

PROOF_QUERY: Final = "proof.sql"
_MACROS: Final = """\
-- Run in this folder: duckdb < proof.sql. Every answer in the column `agrees` must be true.
-- A leaf is SHA-256 of 00, batch (8 bytes) and row (4), the least byte first, and 128 bits of the content
-- digest; a node is SHA-256 of 01 and both children. What has no neighbour at the right edge moves up as it
-- is (RFC 6962).
CREATE TEMP MACRO backwards(digits) AS array_to_string(list_reverse(regexp_extract_all(digits, '..')), '');
CREATE TEMP MACRO height(leaves) AS CASE WHEN leaves = 1 THEN 0 ELSE length(bin(leaves - 1)) END;
CREATE TEMP VIEW pieces AS SELECT unnest(pieces, recursive := true) FROM read_json('../../log/roots.json');
"""
_COVER: Final = """\
CREATE TEMP VIEW cover AS SELECT piece, CAST("start" AS BIGINT) AS opens, CAST("end" AS BIGINT) AS closes,
hash FROM {proof};
"""
_EVENTS: Final = """\
SELECT "type", "subject", CAST("time" AS BIGINT) AS "time", CAST("batch" AS BIGINT) AS "batch",
CAST("row" AS BIGINT) AS "row", CAST("contract_version" AS BIGINT) AS "contract_version", "content_digest"
FROM {file}"""
_TREE: Final = """\
CREATE TEMP TABLE leaves AS SELECT piece,
row_number() OVER (PARTITION BY piece ORDER BY "subject", "time", "batch", "row") - 1 AS ordinal,
sha256(unhex('00' || backwards(format('{:016x}', "batch")) || backwards(format('{:08x}', "row"))
|| "content_digest"[1:32])) AS hash
FROM disclosed JOIN pieces ON disclosed."type" = pieces."type"
AND disclosed."contract_version" = pieces."contract_version" AND "batch" BETWEEN first_batch AND last_batch
WHERE piece IN (SELECT piece FROM cover);
CREATE TEMP TABLE stretches AS SELECT piece, opens, coalesce(sum(closes - opens)
OVER (PARTITION BY piece ORDER BY opens ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS ordinal
FROM cover WHERE hash IS NULL;
CREATE TEMP TABLE nodes AS SELECT 0 AS level, leaves.piece,
CAST(opens + leaves.ordinal - stretches.ordinal AS BIGINT) AS place, hash
FROM leaves ASOF JOIN stretches ON leaves.piece = stretches.piece AND leaves.ordinal >= stretches.ordinal
UNION ALL SELECT height(closes - opens), piece, opens >> height(closes - opens), hash
FROM cover WHERE hash IS NOT NULL;
SELECT 'events in the log' AS compared, leaves, events, leaves = events AS agrees
FROM (SELECT count(*) AS leaves FROM leaves), (SELECT count(*) AS events FROM disclosed);
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
    return _MACROS + _COVER.format(proof=csv.format(name="proof")) + disclosed + _TREE
