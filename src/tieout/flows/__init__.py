"""One use case per file: read, decide, write once. Only here a decision and an effect meet."""
