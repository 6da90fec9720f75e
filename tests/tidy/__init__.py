"""The rules of the house, one per file: each a function over text, shown to fail on a planted sample."""
