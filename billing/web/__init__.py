"""Floor 4: what people see in a browser, and what Stripe posts to."""
