"""Disputes: a customer contradicts an amount. Who looks at it, by when, what may follow, and what waits."""
