"""Revisions of the log's database, one file each; a released one never changes."""
