"""Entitlements: the features that Stripe says a customer has now."""
