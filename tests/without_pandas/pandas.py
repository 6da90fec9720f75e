"""Tieout runs without pandas. A peer of the benchmark brings it, and pyarrow would load it into every process
that tests start (0.3 s each).
"""

raise ModuleNotFoundError("tests run as Tieout is installed: without pandas", name="pandas")
