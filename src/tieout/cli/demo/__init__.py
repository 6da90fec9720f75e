"""The demonstration: an invented LLM gateway, or real public usage, from file to traced invoice."""
