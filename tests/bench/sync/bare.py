"""The least a webhook endpoint can do and still be worth comparing with: verify, insert, upsert, by psycopg alone."""

import os
import threading

import psycopg
import stripe
from flask import Flask, request
from flask.typing import ResponseReturnValue
from psycopg.types.json import Jsonb

TABLES = """
CREATE TABLE bare_events (id text PRIMARY KEY, type text NOT NULL, body text NOT NULL);
CREATE TABLE bare_objects (id text PRIMARY KEY, customer text, created bigint NOT NULL, body jsonb NOT NULL);
"""

app = Flask(__name__)
_local = threading.local()


def _connection() -> psycopg.Connection:
    if not hasattr(_local, "connection"):
        _local.connection = psycopg.connect(os.environ["BENCH_DATABASE_URL"])
    connection: psycopg.Connection = _local.connection
    return connection


@app.post("/webhooks/stripe")
def receive() -> ResponseReturnValue:
    body = request.get_data()
    header = request.headers["Stripe-Signature"]
    stripe.WebhookSignature.verify_header(body.decode(), header, os.environ["BENCH_SECRET"], tolerance=None)
    event = request.get_json()
    thing = event["data"]["object"]
    connection = _connection()
    with connection.transaction():
        connection.execute(
            "INSERT INTO bare_events VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (event["id"], event["type"], body.decode()),
        )
        connection.execute(
            "INSERT INTO bare_objects VALUES (%s, %s, %s, %s) ON CONFLICT (id) DO UPDATE "
            "SET created = excluded.created, body = excluded.body WHERE bare_objects.created <= excluded.created",
            (thing["id"], thing.get("customer"), event["created"], Jsonb(thing)),
        )
    return {"received": True}
