"""How fast, and in how much memory, everything comes over from Stripe."""
