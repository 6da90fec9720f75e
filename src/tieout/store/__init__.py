"""Where ground state lives: `log/` holds the event log, `books/` everything else."""
