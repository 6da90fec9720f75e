"""Stories with numbers worked out by hand: one folder each, read and run by `test_scenarios`."""
