"""The journal in the formats of other programs: text from strangers is data in each of them."""
