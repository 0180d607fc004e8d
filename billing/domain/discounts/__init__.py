"""Discounts: the coupons and promotion codes that subscriptions and customers have redeemed."""
