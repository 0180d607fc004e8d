"""Usage: what of it Stripe could not count."""
