"""Unpredictable bytes from the operating system."""

from __future__ import annotations

import secrets


class SystemEntropy:
    """Fit for keys and ids."""

    def token(self, bytes_count: int) -> bytes:
        return secrets.token_bytes(bytes_count)
