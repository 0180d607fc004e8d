"""Floor 3: keeping the local tables right: what Stripe tells us, and what we ask it."""
