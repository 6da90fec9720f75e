"""The independent verifier of evidence packs: the kernel and the standard library, and nothing that built
them."""
