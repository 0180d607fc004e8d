// Stripe's SDK for Node, as it comes, against the sandbox at SANDBOX_URL.
import assert from "node:assert/strict";
import http from "node:http";
import Stripe from "stripe";

const address = new URL(process.env.SANDBOX_URL);
const stripe = new Stripe("sk_test_node", {
  host: address.hostname,
  port: address.port,
  protocol: "http",
  maxNetworkRetries: 0,
  telemetry: false,
});

// Webhooks, verified with the secret only their creation shows.
const heard = new Map();
let secret;
const server = http.createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    const event = stripe.webhooks.constructEvent(Buffer.concat(parts), request.headers["stripe-signature"], secret);
    heard.set(event.type, event);
    response.end();
  });
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const endpoint = await stripe.webhookEndpoints.create({
  url: `http://127.0.0.1:${server.address().port}/hooks`,
  enabled_events: ["invoice.paid", "customer.subscription.created"],
});
secret = endpoint.secret;

const customer = await stripe.customers.create({ email: "ada@example.com", metadata: { plan: "pro" } });
assert.equal((await stripe.customers.retrieve(customer.id)).metadata.plan, "pro");
const card = await stripe.paymentMethods.attach("pm_card_visa", { customer: customer.id });
const product = await stripe.products.create({ name: "Pro" });
const price = await stripe.prices.create({
  product: product.id,
  currency: "usd",
  unit_amount: 4900,
  recurring: { interval: "month" },
});
const subscription = await stripe.subscriptions.create({
  customer: customer.id,
  items: [{ price: price.id, quantity: 2 }],
  default_payment_method: card.id,
  expand: ["latest_invoice.payments"],
});
assert.equal(subscription.status, "active");
assert.equal(subscription.latest_invoice.amount_paid, 9800);
assert.equal(subscription.latest_invoice.payments.data[0].status, "paid");

// The same key, the same customer.
const once = { idempotencyKey: "once" };
const made = await stripe.customers.create({ name: "Bea" }, once);
const again = await stripe.customers.create({ name: "Bea" }, once);
assert.equal(again.id, made.id);
assert.equal(again.lastResponse.headers["idempotent-replayed"], "true");

// Pages, walked by the SDK.
for (let number = 0; number < 12; number++) await stripe.customers.create({ name: `Customer ${number}` });
const names = [];
for await (const found of stripe.customers.list({ limit: 5 })) names.push(found.name);
assert.equal(names.length, 14);

// Errors, by class.
await assert.rejects(stripe.customers.retrieve("cus_nobody"), { type: "StripeInvalidRequestError", statusCode: 404 });
await assert.rejects(stripe.customers.create({ nmae: "Ada" }), { code: "parameter_unknown", param: "nmae" });
const declining = { amount: 500, currency: "usd", payment_method: "pm_card_visa_chargeDeclined", confirm: true };
await assert.rejects(
  stripe.paymentIntents.create({ ...declining, automatic_payment_methods: { enabled: true, allow_redirects: "never" } }),
  { type: "StripeCardError", code: "card_declined", decline_code: "generic_decline" },
);

await stripe.subscriptions.cancel(subscription.id);
assert.equal((await stripe.customers.del(customer.id)).deleted, true);

const patience = Date.now() + 20_000;
while (heard.size < 2 && Date.now() < patience) await new Promise((later) => setTimeout(later, 50));
server.close();
assert.equal(heard.get("invoice.paid")?.data.object.amount_paid, 9800);
assert.equal(heard.get("customer.subscription.created")?.data.object.id, subscription.id);
console.log(`Stripe's SDK for Node ${Stripe.PACKAGE_VERSION}: works`);
