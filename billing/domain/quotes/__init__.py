"""Quotes: what a change of a plan costs, worked out by Stripe, shown, and then made exactly so."""
