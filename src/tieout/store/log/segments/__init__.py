"""Where segment files lie: a local folder, or a bucket behind a verified cache."""
