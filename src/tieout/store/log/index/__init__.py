"""The identity index: derived from the log, exact, and rebuilt to the same bytes."""
