"""`python -m tieout.cli` is `tieout`."""

from tieout.cli import main

main()
