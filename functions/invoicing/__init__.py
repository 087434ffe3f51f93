"""Invoicing: what was captured is invoiced, what was refunded is credited, to the cent and without a gap in the numbers."""
