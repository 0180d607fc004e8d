"""Closing: what stands between an account and its deletion, and how far a deletion has come."""
