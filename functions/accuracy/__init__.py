"""Order status accuracy: what other systems believe, held against what was true at that time."""
