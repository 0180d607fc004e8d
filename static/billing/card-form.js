// Takes a card, or the owner's answer to their bank: Stripe's fields and dialogs for an intent that the server opens.
// The number stays Stripe's. A form with data-card-form shows the fields and saves the card, or pays if it has data-pays;
// one with data-next-action asks the bank about the payment under way.
"use strict";
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");

  const sayer = (form) => (words) => {
    const message = form.querySelector("[data-message]");
    message.querySelector("p").textContent = words;
    message.hidden = !words;
  };

  const openIntent = async (form) => {
    const request = { method: "POST", headers: { Accept: "application/json" }, body: new FormData(form) };
    const answer = await fetch(form.action, request);
    const said = await answer.json();
    if (!answer.ok) throw new Error(said.error.message);
    return said.client_secret;
  };

  // Stripe's fields are a page of their own: they are told the colours that the theme gives this one.
  const appearance = (form) => {
    const follows = getComputedStyle(document.documentElement).colorScheme.includes("dark");
    const panel = getComputedStyle(form.closest(".card"));
    const button = getComputedStyle(form.querySelector("button"));
    return {
      theme: dark.matches && follows ? "night" : "stripe",
      variables: {
        borderRadius: button.borderRadius,
        colorBackground: panel.backgroundColor,
        colorPrimary: button.backgroundColor,
        colorText: panel.color,
      },
    };
  };

  const takeCard = async (form) => {
    const say = sayer(form);
    const button = form.querySelector("button");
    form.hidden = false;
    if (!window.Stripe) return say(form.dataset.unavailable);
    let stripe;
    let elements;
    try {
      stripe = Stripe(form.dataset.key);
      elements = stripe.elements({ clientSecret: await openIntent(form), appearance: appearance(form) });
    } catch (error) {
      return say(error.message);
    }
    const element = elements.create("payment", { wallets: { link: "never" } });
    element.on("ready", () => {
      button.disabled = false;
    });
    element.mount(form.querySelector("[data-fields]"));
    dark.addEventListener("change", () => elements.update({ appearance: appearance(form) }));

    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      say("");
      button.disabled = true;
      const confirm = "pays" in form.dataset ? stripe.confirmPayment : stripe.confirmSetup;
      const confirmParams = { return_url: form.dataset.returnUrl };
      const { error } = await confirm.call(stripe, { elements, confirmParams });
      // Only what failed comes back here: otherwise Stripe leads to the return page.
      button.disabled = false;
      if (error.type !== "validation_error") say(error.message); // what was mistyped is said beside its field
    });
  };

  const askBank = (form) => {
    const say = sayer(form);
    const button = form.querySelector("button");
    form.hidden = false;
    if (!window.Stripe) return say(form.dataset.unavailable);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      say("");
      button.disabled = true;
      try {
        const { error } = await Stripe(form.dataset.key).handleNextAction({ clientSecret: await openIntent(form) });
        // What failed for good has left the payment open again: the page then offers all ways once more.
        if (error && error.type === "api_connection_error") throw error;
        location.assign(form.dataset.returnUrl);
      } catch (error) {
        say(error.message);
        button.disabled = false;
      }
    });
  };

  for (const form of document.querySelectorAll("[data-card-form]")) takeCard(form);
  for (const form of document.querySelectorAll("[data-next-action]")) askBank(form);
})();
