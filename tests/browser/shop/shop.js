// A shop's own code, as Stripe's guides write it. The address says which flow: ?flow=payment&secret=pi_..._secret_...
"use strict";
const given = Object.fromEntries(new URLSearchParams(location.search));
const stripe = Stripe("pk_test_shop");
const appearance = given.theme ? { theme: given.theme } : {};
const message = document.querySelector("#message");
const seen = [];

const groups = {
  card: {},
  deferred: { mode: "payment", amount: 500, currency: "usd", appearance },
};
const elements = stripe.elements(groups[given.flow] ?? { clientSecret: given.secret, appearance });
const element = elements.create(given.flow === "card" ? "card" : "payment");
for (const name of ["ready", "change", "focus", "blur"]) element.on(name, (event) => seen.push({ name, ...event }));
element.on("ready", () => { document.querySelector("form").dataset.ready = ""; });
element.mount("#element");

const confirmParams = { return_url: `${location.origin}/thanks` };
const flows = {
  payment: () => stripe.confirmPayment({ elements, confirmParams, redirect: given.redirect ?? "if_required" }),
  setup: () => stripe.confirmSetup({ elements, confirmParams, redirect: given.redirect ?? "if_required" }),
  card: () => {
    const method = { card: element, billing_details: { name: "Ada Lovelace" } };
    return stripe.confirmCardPayment(given.secret, { payment_method: method });
  },
  deferred: async () => {
    const { error } = await elements.submit();
    if (error) return { error };
    return stripe.confirmPayment({ elements, clientSecret: given.secret, confirmParams, redirect: "if_required" });
  },
};

document.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  message.textContent = "Working ...";
  const { error, paymentIntent, setupIntent } = await flows[given.flow]();
  message.textContent = error ? `${error.type} ${error.code}: ${error.message}` : (paymentIntent ?? setupIntent).status;
});
