"""A request to look at an account becomes a close of that account, or a stated no."""
