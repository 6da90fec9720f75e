"""A crossed alert becomes something to tell, and nothing else."""
