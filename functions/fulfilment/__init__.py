"""Fulfilment: what a node picks, packs and hands to the carrier."""
