"""The hub: tells everyone what happened, starts what has to follow, and keeps the views that people read."""
