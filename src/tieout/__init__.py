"""Tieout: metered billing that ties out, from the usage event to the invoice line and back."""

__version__ = "0.1.0"
