"""The words everything else is written in: quantities, money, time, identities, digests. No I/O, no clock."""
