"""Revisions of the books, one file each; a released one never changes."""
