"""The event log: batches and their chain, dispositions, segments, compaction and the identity index."""
