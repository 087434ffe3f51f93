"""Returns: what customers send back, what becomes of it, and what they get for it."""
