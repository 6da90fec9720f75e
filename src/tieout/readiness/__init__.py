"""May it go live: the items of the launch review, what each stands on, who signed it off, and what is refused
while one is open."""
