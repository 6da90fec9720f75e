"""From a document's table to its record: one file per kind, each stating the keys it accepts and reporting
the rest."""
