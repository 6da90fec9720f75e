"""A second, naive billing system, which shares no line with the first.

It reads the folder of a scenario (catalog, events, steps) and works out what its customers must be billed,
from the words of the design alone: everything is recomputed from all events each time, in fractions, by
loops. It imports nothing of `tieout`; a test holds it to that.
"""
