"""Stripe's customer -> row."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.core import db, settings
from billing.core.clock import from_timestamp
from billing.core.mirror import Change, find, store
from billing.domain.accounts.models import Account
from billing.domain.customers.models import Customer
from billing.domain.discounts.projection import redeemed


def metadata_for(account: Account) -> dict[str, str]:
    """What a customer's metadata says, so that the account can be found from Stripe's side."""
    return {"account_id": account.uid, "deployment": settings.current().deployment_name}


def preload(session: Session, customers: Iterable[dict[str, Any]]) -> None:
    """Read at once what projecting these is going to ask for: whom they name, and who of these has a customer.

    `project` then asks nothing, until the edge ends. Call it under the turns of all the customers.
    """
    named = (_uid_to_settle(session, customer) for customer in customers)
    uids = {uid for uid in named if uid}
    if not uids:  # the usual case: they have the accounts they name
        return
    accounts = session.scalars(select(Account).where(Account.uid.in_(uids))).all()
    ids = [account.id for account in accounts]
    living = session.scalars(select(Customer).where(Customer.account_id.in_(ids), Customer.is_deleted.is_(False)))
    cache = db.read_cache_of(session)
    cache.update({(Account, uid): None for uid in uids})
    cache.update({(Account, account.uid): account for account in accounts})
    cache.update({_living(account_id, livemode): None for account_id in ids for livemode in (True, False)})
    cache.update({_living(row.account_id, row.livemode): row for row in living})


def project(session: Session, customer: dict[str, Any], as_of: int) -> Change[Customer]:
    """Keep the customer (with `tax_ids` in place), tied to the account its metadata names in this deployment."""
    if customer.get("deleted"):
        known = find(session, Customer, customer["id"])
        values: dict[str, Any] = {"is_deleted": True}
        if known is None:
            values.update(livemode=settings.current().livemode, balance=0, tax_ids=[], is_delinquent=False)
        elif known.account_id is not None:
            db.take_turn(_turn(known.account_id))
        change = store(session, Customer, customer["id"], as_of, values)
        _forget_living(session, change.row)
        _pass_on(session, change.row)
        return change
    values = {
        "livemode": customer["livemode"],
        "email": customer["email"],
        "name": customer["name"],
        "address": customer["address"],
        "currency": customer["currency"],
        "balance": customer["balance"],
        "default_payment_method": customer["invoice_settings"]["default_payment_method"],
        "tax_ids": [_tax_id(tax_id) for tax_id in customer["tax_ids"]["data"]],
        "discount": redeemed(customer["discount"]) if customer["discount"] else None,
        "is_delinquent": bool(customer["delinquent"]),
        "is_deleted": False,
        "created_at": from_timestamp(customer["created"]),
    }
    if not _is_settled(find(session, Customer, customer["id"]), customer["metadata"]):
        account = _account_named(session, customer["metadata"])
        values["named_account"] = account.uid if account else None
        if account is not None and _may_have(session, account, customer):
            values["account_id"] = account.id
    change = store(session, Customer, customer["id"], as_of, values)
    if "account_id" in change.after:
        _forget_living(session, change.row)
    return change


def _tax_id(tax_id: dict[str, Any]) -> dict[str, Any]:
    verification = tax_id["verification"] or {}
    return {
        "stripe_id": tax_id["id"],
        "type": tax_id["type"],
        "value": tax_id["value"],
        "status": verification.get("status"),
    }


def _is_settled(known: Customer | None, metadata: dict[str, str]) -> bool:
    """Whether the account that the metadata names has the customer already."""
    if known is None or known.account_id is None or known.is_deleted:
        return False
    named = (metadata.get("deployment"), metadata.get("account_id"))
    return named == (settings.current().deployment_name, known.named_account)


def _uid_to_settle(session: Session, customer: dict[str, Any]) -> str | None:
    """The uid of the account that projecting the customer is going to look for."""
    if customer.get("deleted") or _is_settled(find(session, Customer, customer["id"]), customer["metadata"]):
        return None
    return _uid_named(customer["metadata"])


def _uid_named(metadata: dict[str, str]) -> str | None:
    """The uid of the account the metadata names, if that is one of this deployment."""
    return metadata.get("account_id") if metadata.get("deployment") == settings.current().deployment_name else None


def _account_named(session: Session, metadata: dict[str, str]) -> Account | None:
    uid = _uid_named(metadata)
    cache = db.read_cache_of(session)
    if (Account, uid) in cache:
        named: Account | None = cache[Account, uid]
        return named
    return session.scalar(select(Account).where(Account.uid == uid)) if uid else None


def _turn(account_id: int) -> str:
    return f"customer-of:{account_id}"


def _pass_on(session: Session, deleted: Customer) -> None:
    """Tie the account to the customer that came after the deleted one, and may have been heard of first."""
    if deleted.account_id is None or not deleted.is_deleted:
        return
    session.flush()
    heir = session.scalar(
        select(Customer)
        .join(Account, Account.uid == Customer.named_account)
        .where(Account.id == deleted.account_id, Customer.livemode == deleted.livemode, Customer.is_deleted.is_(False))
        .order_by(Customer.id)
        .limit(1)
    )
    if heir is not None:
        heir.account_id = deleted.account_id
        session.flush()


def _may_have(session: Session, account: Account, customer: dict[str, Any]) -> bool:
    """Whether the customer may be the account's: it may not, if that lives with another one, which it keeps."""
    cache, key = db.read_cache_of(session), _living(account.id, customer["livemode"])
    if key not in cache:
        cache[key] = living_customer(session, account, livemode=customer["livemode"])
    if cache[key] is None or cache[key].stripe_id == customer["id"]:
        return True
    db.take_turn(_turn(account.id))  # whoever is deleting the other one has done so now, or will find this one
    cache[key] = living_customer(session, account, livemode=customer["livemode"])
    return cache[key] is None or cache[key].stripe_id == customer["id"]


def _living(account_id: int | None, livemode: bool) -> tuple[object, ...]:
    """Where the account's living customer is kept once it is read."""
    return ("living customer", account_id, livemode)


def _forget_living(session: Session, row: Customer) -> None:
    db.read_cache_of(session).pop(_living(row.account_id, row.livemode), None)


def living_customer(session: Session, account: Account, *, livemode: bool) -> Customer | None:
    """The account's customer in that mode, if it is not deleted."""
    return session.scalar(
        select(Customer).where(
            Customer.account_id == account.id, Customer.livemode == livemode, Customer.is_deleted.is_(False)
        )
    )
