"""One module per Stripe noun: its routes, their parameters and what they do."""
