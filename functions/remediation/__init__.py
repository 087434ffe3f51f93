"""Remediation: an incident, three plans, a human's decision, and the action that follows."""
