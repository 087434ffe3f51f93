"""The live feed: events over a WebSocket, by topic, to whoever may see them."""
