"""Checks all that the log stores against what was chained: one pass, every finding named."""
