"""What was promised: event contracts, meters, prices, plans, parties, subscriptions, sources and the trigger
policy.

Every promise is a versioned TOML document that becomes a frozen record; nothing here reads a file or a clock.
"""
