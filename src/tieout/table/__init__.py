"""The Arrow layouts that ingest, the log and the engines share."""
