"""Insights: how orders really move through their states, and how soon everybody knows."""
