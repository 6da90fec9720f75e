"""The paper: lines, totals, numbers and the document that is sealed."""
