"""What it costs: one file per price shape; a pure function of snapshot, price version and period."""
