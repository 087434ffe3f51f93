"""The hub on one machine: set-up, emulator, deployment, partner simulators, demo, replay, and the `orderhub` command."""
