"""The outside world: the clock, unpredictable bytes, and signatures."""
