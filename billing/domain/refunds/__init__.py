"""Refunds: the money that went back, or was to."""
