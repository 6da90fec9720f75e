"""The log as a workplace: single items found, decided about, released, exported and erased."""
