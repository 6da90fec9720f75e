"""Replay sets: frozen calls, independently expected outputs of the whole path, and their comparison."""
