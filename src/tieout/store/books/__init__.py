"""The books: applied documents, keys and signatures, closes, and everything that was sealed."""
