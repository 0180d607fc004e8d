"""Customers: the one Stripe customer of an account."""
