"""Live usage in a database of its own: derived, in the folder of the home, thrown away when in doubt."""
