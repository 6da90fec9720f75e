"""Segments: written, merged and retired, as rows and as files; and where the files lie."""
