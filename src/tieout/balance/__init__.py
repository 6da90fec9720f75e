"""What crosses periods: movements that are only added, and the balances that are their sums."""
