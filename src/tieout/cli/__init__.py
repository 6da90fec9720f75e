"""The command line: `tieout VERB`. Data on stdout, messages on stderr, and an exit code that tells the end.

0 done, 1 a check found a difference, 2 usage or bad input, 3 not found, 4 conflict or closed, 5 unavailable
(retry), 6 integrity violation. One file per verb or noun; flows are imported inside the commands, so that
help starts fast.
"""

from __future__ import annotations


def main() -> None:
    """The `tieout` command."""
    from tieout.cli.app import app

    app()
