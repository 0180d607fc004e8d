// Adds a card: Stripe's fields for an intent that the server opens, then what the bank says. The number stays Stripe's.
"use strict";
(async () => {
  const form = document.querySelector("[data-add-card]");
  const fields = form.querySelector("[data-fields]");
  const message = form.querySelector("[data-message]");
  const button = form.querySelector("button");
  const dark = matchMedia("(prefers-color-scheme: dark)");

  const say = (words) => {
    message.querySelector("p").textContent = words;
    message.hidden = !words;
  };

  const openIntent = async () => {
    const request = { method: "POST", headers: { Accept: "application/json" }, body: new FormData(form) };
    const answer = await fetch(form.action, request);
    const said = await answer.json();
    if (!answer.ok) throw new Error(said.error.message);
    return said.client_secret;
  };

  // Stripe's fields are a page of their own: they are told the colours that the theme gives this one.
  const appearance = () => {
    const follows = getComputedStyle(document.documentElement).colorScheme.includes("dark");
    const panel = getComputedStyle(form.closest(".card"));
    return {
      theme: dark.matches && follows ? "night" : "stripe",
      variables: {
        borderRadius: getComputedStyle(button).borderRadius,
        colorBackground: panel.backgroundColor,
        colorPrimary: getComputedStyle(button).backgroundColor,
        colorText: panel.color,
      },
    };
  };

  form.hidden = false;
  if (!window.Stripe) {
    say("The card fields could not be loaded. Please add the card on Stripe’s page.");
    return;
  }
  let stripe;
  let elements;
  try {
    stripe = Stripe(form.dataset.key);
    elements = stripe.elements({ clientSecret: await openIntent(), appearance: appearance() });
  } catch (error) {
    say(error.message);
    return;
  }
  const element = elements.create("payment", { wallets: { link: "never" } });
  element.on("ready", () => {
    button.disabled = false;
  });
  element.mount(fields);
  dark.addEventListener("change", () => elements.update({ appearance: appearance() }));

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    say("");
    button.disabled = true;
    const { error } = await stripe.confirmSetup({ elements, confirmParams: { return_url: form.dataset.returnUrl } });
    // Only what failed comes back here: otherwise Stripe leads to the return page.
    button.disabled = false;
    if (error.type !== "validation_error") say(error.message); // what was mistyped is said beside its field
  });
})();
