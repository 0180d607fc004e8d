"""Subscriptions: what an account pays for again and again, mirrored from Stripe."""
