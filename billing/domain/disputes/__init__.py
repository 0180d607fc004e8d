"""Disputes: payments that the cardholder's bank doubts or has taken back, and early warnings of them."""
