"""The period ends: which periods are due, how they split, what must tie before an invoice may leave draft."""
