"""Inventory: counters of stock per SKU and node, each the fold of immutable movements, and reservations over them."""
