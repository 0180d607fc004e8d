"""Payments: the money that came in, for an invoice (possibly in several parts) or without one."""
