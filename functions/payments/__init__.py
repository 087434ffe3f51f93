"""Payments: a ledger of what was asked of the payment provider and what it answered."""
