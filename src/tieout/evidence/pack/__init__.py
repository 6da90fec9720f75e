"""The evidence pack: its members, its manifest, and the bytes that follow from them."""
