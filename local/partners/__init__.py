"""The outside world as separate processes: a payment provider, a warehouse with picking robots, a carrier."""
