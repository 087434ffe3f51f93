"""Auctions: nodes bid for an order, sealed, for a few seconds; the best landed cost under the promise wins."""
