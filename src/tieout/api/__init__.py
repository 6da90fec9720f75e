"""The HTTP interface: requests in, receipts and problems out; `app.py` is its table of routes."""
