"""Floor 0: tools that know nothing of Stripe or billing."""
