"""Orders: what a channel sold, and how far the hub has got with it."""
