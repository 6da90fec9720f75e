"""Double entry: the chart of accounts, entries that balance, and what follows from them."""
