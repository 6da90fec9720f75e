"""How much: the meaning of every aggregation in plain Python. Engines must agree with it digit for digit."""
