"""Our defaults as constructs."""
