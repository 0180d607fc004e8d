"""The catalog: plans, their prices, and the features and limits they grant; projections of what Stripe holds."""
