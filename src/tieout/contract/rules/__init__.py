"""Rules between documents: one file per subject, each a function from the draft catalog to its problems."""
