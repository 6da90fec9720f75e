"""Why it is right: the lineage of a line, and its re-computation from the stored events."""
