"""What the claims about speed and cost rest on: `python -m benchmarks.NAME`."""

import local as local  # puts the functions' code on the path
