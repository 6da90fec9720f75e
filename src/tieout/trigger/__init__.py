"""Warn, limit, bill: three things kept apart, and when a rule of the first two is crossed."""
