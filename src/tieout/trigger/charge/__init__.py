"""A crossed charge control becomes a hold, a question to a person, or a request to the invoice rules."""
