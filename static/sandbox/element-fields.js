// The card fields inside a Stripe.js element. The page around them learns what is complete and what is wrong, never a
// digit. What is wrong is decided by the sandbox, whose clock knows which cards have expired.
(() => {
  "use strict";
  const form = document.querySelector("form");
  const { host, key, paymentMethods } = form.dataset;
  const inputs = Object.fromEntries(["number", "exp", "cvc"].map((name) => [name, document.getElementById(name)]));
  const left = new Set(); // fields the customer has been in: only these are told what is missing
  const refusals = {}; // what the bank said about a field, until something is changed
  const channel = new MessageChannel();
  const port = channel.port1;
  let submitted = false;
  let latest;
  let state = { brand: "unknown", empty: true, errors: {}, expiry: null };

  const brand = document.createElement("span");
  brand.className = "brand";
  document.querySelector(".card-box").append(brand);
  const BRANDS = { visa: "Visa", mastercard: "Mastercard", amex: "Amex", discover: "Discover" };

  function showError(name, message) {
    const input = inputs[name];
    let line = document.getElementById(`${name}-error`);
    if (!message) {
      line?.remove();
      input.removeAttribute("aria-invalid");
      input.removeAttribute("aria-describedby");
      return;
    }
    if (!line) {
      line = document.createElement("p");
      line.className = "error";
      line.id = `${name}-error`;
      line.setAttribute("role", "alert");
      form.querySelector("fieldset").append(line);
    }
    if (line.textContent !== message) line.textContent = message;
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", line.id);
  }

  // While something is being typed it may be incomplete, but not wrong.
  function showErrors() {
    for (const [name, input] of Object.entries(inputs)) {
      const error = state.errors[name];
      const unfinished = error?.code.startsWith("incomplete_");
      const told = submitted || (input.value && (left.has(name) || !unfinished));
      showError(name, refusals[name] ?? (error && told ? error.message : ""));
    }
  }

  async function ask() {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    return answer.json();
  }

  // An answer that was overtaken by a newer question waits for that one's.
  function check() {
    const mine = ask().then((found) => {
      if (mine !== latest) return latest;
      state = found;
      brand.textContent = BRANDS[state.brand] ?? "";
    });
    latest = mine;
    return mine;
  }

  const inOrder = () => Object.keys(inputs).flatMap((name) => state.errors[name] ?? []);

  async function tellChange() {
    await check();
    showErrors();
    const error = inOrder().find((found) => !found.code.startsWith("incomplete_"));
    const { brand: name, empty, expiry } = state;
    port.postMessage({ event: "change", detail: { brand: name, empty, complete: expiry !== null, error } });
  }

  // Everything there, or the first thing that is not, with the cursor in it.
  async function validate() {
    submitted = true;
    await check();
    showErrors();
    const [error] = inOrder();
    if (error) Object.values(inputs).find((input) => input.matches("[aria-invalid]")).focus();
    return { error };
  }

  async function createPaymentMethod({ params }) {
    const invalid = await validate();
    if (invalid.error) return invalid;
    const body = new URLSearchParams(params);
    body.set("type", "card");
    body.set("card[number]", inputs.number.value.replace(/\D/g, ""));
    body.set("card[exp_month]", state.expiry[0]);
    body.set("card[exp_year]", state.expiry[1]);
    body.set("card[cvc]", inputs.cvc.value.trim());
    const headers = { Authorization: `Bearer ${key}` };
    const answer = await (await fetch(paymentMethods, { method: "POST", headers, body })).json();
    if (!answer.error) return { paymentMethod: answer };
    refuse(answer);
    return answer;
  }

  // Where the bank's words belong: most of them below the number.
  function refuse({ error }) {
    const places = { incorrect_cvc: "cvc", invalid_cvc: "cvc", expired_card: "exp" };
    const name = places[error.code] ?? (error.code?.startsWith("invalid_expiry") ? "exp" : "number");
    refusals[name] = error.message;
    showErrors();
    inputs[name].focus();
  }

  function clear() {
    form.reset();
    left.clear();
    submitted = false;
    return tellChange();
  }

  // Only what these fields have: colours, corners and letters.
  function update({ disabled, scheme, variables = {}, style = {} }) {
    form.dataset.scheme = scheme;
    for (const input of Object.values(inputs)) {
      if (disabled !== undefined) input.disabled = disabled;
      for (const [name, value] of Object.entries(style)) input.style[name] = value;
    }
    for (const [name, value] of Object.entries(variables)) document.documentElement.style.setProperty(name, value);
  }

  const ACTIONS = {
    validate,
    createPaymentMethod,
    refuse,
    update,
    clear,
    focus: () => inputs.number.focus(),
    blur: () => document.activeElement.blur(),
  };
  port.onmessage = async ({ data: { id, action, ...given } }) => {
    const lost = { error: { type: "api_connection_error", message: "The sandbox does not answer." } };
    const result = await Promise.resolve(ACTIONS[action](given)).catch(() => lost);
    port.postMessage({ id, result: result ?? {} });
  };

  function group(input, pattern, separator) {
    if (input.selectionStart !== input.value.length) return; // never move a cursor that stands inside
    const digits = input.value.replace(/\D/g, "");
    input.value = (digits.match(pattern) ?? []).join(separator);
  }

  inputs.number.addEventListener("input", () => group(inputs.number, /\d{1,4}/g, " "));
  inputs.exp.addEventListener("input", (event) => {
    if (event.inputType?.startsWith("delete") || /\D.*\d{2}/.test(inputs.exp.value)) return;
    if (/^[2-9]$/.test(inputs.exp.value)) inputs.exp.value = `0${inputs.exp.value}`;
    const match = /^(\d{2})\D*(\d*)$/.exec(inputs.exp.value);
    if (match) inputs.exp.value = `${match[1]} / ${match[2]}`;
  });
  for (const [name, input] of Object.entries(inputs)) {
    input.addEventListener("input", () => {
      for (const refused of Object.keys(refusals)) delete refusals[refused];
      tellChange();
    });
    input.addEventListener("blur", () => {
      left.add(name);
      check().then(showErrors);
    });
  }
  form.addEventListener("focusin", () => port.postMessage({ event: "focus" }));
  form.addEventListener("focusout", (event) => event.relatedTarget || port.postMessage({ event: "blur" }));
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") port.postMessage({ event: "escape" });
    if (event.key === "Enter") port.postMessage({ event: "enter" });
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  new ResizeObserver(() => port.postMessage({ event: "resize", detail: form.offsetHeight })).observe(form);
  parent.postMessage({ sandbox: "fields" }, host, [channel.port2]);
})();
