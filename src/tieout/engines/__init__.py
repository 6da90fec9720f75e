"""The same snapshots as `aggregate`, computed at scale. Engines hold no state and decide nothing."""
