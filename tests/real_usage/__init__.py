"""Three replay sets from real public usage, and what must come out of them, by a plain script.

`python -m tests.real_usage DATA OUT` reads the raw files with csv, gzip and re, adds what real traffic has
and the files lack (retries, late arrivals, conflicts, a plan change, a crossed threshold), works out in
fractions and by loops what customers owe for it, and writes the sets. It imports nothing of `tieout`; a test
holds it to that. The raw files are never copied into the repository.
"""
