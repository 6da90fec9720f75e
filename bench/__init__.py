"""The benchmark: the same generated file into Tieout, PostgreSQL and ClickHouse's engine, side by side."""
