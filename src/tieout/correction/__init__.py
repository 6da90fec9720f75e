"""What was sealed and holds no more: adjustments, credits and voids, as new lines that name the old."""
