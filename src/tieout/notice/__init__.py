"""What a person or a program is told: notices, to whom they go, when, and in which words."""
