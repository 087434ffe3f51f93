"""The commands of `orderhub`, one module for each group."""
