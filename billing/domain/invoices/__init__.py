"""Invoices: what was billed, mirrored from Stripe so that the history is ours to show at any time."""
