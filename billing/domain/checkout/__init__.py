"""Checkout: selling a plan on Stripe's hosted page, once at a time, with the trial a person has coming."""
