"""What Stripe sells: products, prices and entitlement features."""

from typing import Any

from billing.gateway.client import asking, plain


def list_products() -> list[dict[str, Any]]:
    """Every product, archived ones included."""
    with asking() as stripe:
        return [plain(product) for product in stripe.v1.products.list({"limit": 100}).auto_paging_iter()]


def list_prices() -> list[dict[str, Any]]:
    """Every price, archived ones included."""
    with asking() as stripe:
        return [plain(price) for price in stripe.v1.prices.list({"limit": 100}).auto_paging_iter()]


def list_features() -> list[dict[str, Any]]:
    """Every entitlement feature that is not archived."""
    with asking() as stripe:
        found = stripe.v1.entitlements.features.list({"limit": 100})
        return [plain(feature) for feature in found.auto_paging_iter()]


def list_product_features(product: str) -> list[dict[str, Any]]:
    """The attachments of features to the product, each with its `entitlement_feature` in place."""
    with asking() as stripe:
        found = stripe.v1.products.features.list(product, {"limit": 100})
        return [plain(attached) for attached in found.auto_paging_iter()]


def retrieve_product(stripe_id: str) -> dict[str, Any]:
    """The product. Raises NoSuchObject."""
    with asking() as stripe:
        return plain(stripe.v1.products.retrieve(stripe_id))


def retrieve_price(stripe_id: str) -> dict[str, Any]:
    """The price. Raises NoSuchObject."""
    with asking() as stripe:
        return plain(stripe.v1.prices.retrieve(stripe_id))


def create_product(name: str, description: str, metadata: dict[str, str]) -> dict[str, Any]:
    """Create a product."""
    with asking() as stripe:
        return plain(stripe.v1.products.create({"name": name, "description": description, "metadata": metadata}))


def update_product(stripe_id: str, name: str, description: str, metadata: dict[str, str]) -> dict[str, Any]:
    """Change a product's words and metadata, and make it active."""
    with asking() as stripe:
        return plain(
            stripe.v1.products.update(
                stripe_id, {"name": name, "description": description, "metadata": metadata, "active": True}
            )
        )


def archive_product(stripe_id: str) -> dict[str, Any]:
    """Take a product off sale; subscriptions to it go on."""
    with asking() as stripe:
        return plain(stripe.v1.products.update(stripe_id, {"active": False}))


def create_price(
    *,
    product: str,
    lookup_key: str,
    currency: str,
    unit_amount: int,
    interval: str,
    metadata: dict[str, str],
) -> dict[str, Any]:
    """Create a recurring price and move `lookup_key` to it from whatever price held it."""
    with asking() as stripe:
        return plain(
            stripe.v1.prices.create(
                {
                    "product": product,
                    "lookup_key": lookup_key,
                    "transfer_lookup_key": True,
                    "currency": currency,
                    "unit_amount": unit_amount,
                    "recurring": {"interval": interval},
                    "metadata": metadata,
                },
            )
        )


def update_price(stripe_id: str, *, active: bool, metadata: dict[str, str] | None = None) -> dict[str, Any]:
    """Archive or revive a price, or change its metadata. Its amount cannot change."""
    with asking() as stripe:
        if metadata is None:
            return plain(stripe.v1.prices.update(stripe_id, {"active": active}))
        return plain(stripe.v1.prices.update(stripe_id, {"active": active, "metadata": metadata}))


def create_feature(lookup_key: str, name: str) -> dict[str, Any]:
    """Create an entitlement feature; its lookup key can never change."""
    with asking() as stripe:
        return plain(stripe.v1.entitlements.features.create({"lookup_key": lookup_key, "name": name}))


def rename_feature(stripe_id: str, name: str) -> dict[str, Any]:
    """Change the name people read."""
    with asking() as stripe:
        return plain(stripe.v1.entitlements.features.update(stripe_id, {"name": name}))


def attach_feature(product: str, feature: str) -> dict[str, Any]:
    """Let the product grant the feature."""
    with asking() as stripe:
        return plain(stripe.v1.products.features.create(product, {"entitlement_feature": feature}))


def detach_feature(product: str, attachment: str) -> None:
    """Let the product no longer grant the feature."""
    with asking() as stripe:
        stripe.v1.products.features.delete(product, attachment)
