"""Stripe's wire format: how requests are read and answers are written."""
