"""Floor 1: the only folder that imports stripe.

One module per Stripe noun. Functions take ids and values and return plain dicts shaped as the pinned API version
shapes them; they never see our tables. Every call goes through `client.asking`, which turns Stripe's errors into ours.
"""
