// The sandbox's stand-in for Stripe.js, first part of three: the sandbox's own pages in frames.
// https://docs.stripe.com/js - docs/sandbox/stripe-js.md says what is here and what is not.

const BASE = new URL("..", document.currentScript.src).href;
const ORIGIN = new URL(BASE).origin;

class IntegrationError extends Error {
  name = "IntegrationError";
}

function demand(holds, message) {
  if (!holds) throw new IntegrationError(message);
}

// Stripe's form encoding of a nested object, as pairs.
function pairs(value, name = "") {
  if (value === undefined || value === null) return [];
  if (typeof value !== "object") return [[name, String(value)]];
  return Object.entries(value).flatMap(([key, item]) => pairs(item, name ? `${name}[${key}]` : key));
}

// The colour schemes a frame at `place` needs: the page's own there, or its background would not show through.
function schemeAt(place, theme) {
  if (theme) return theme === "night" ? "dark" : "light";
  const { colorScheme } = getComputedStyle(place);
  return ["light", "dark"].filter((scheme) => colorScheme.includes(scheme)).join(" ") || "light";
}

function frame(path, query, title) {
  const element = document.createElement("iframe");
  element.src = `${BASE}${path}?${new URLSearchParams({ ...query, host: location.origin })}`;
  element.title = title;
  Object.assign(element.style, { border: "0", colorScheme: query.scheme });
  return element;
}

// Run `act` when the sandbox's page in `element` (a frame) says `word`; returns how to stop.
function listen(element, word, act) {
  const hear = (event) => {
    const ours = event.source === element.contentWindow && event.origin === ORIGIN;
    if (ours && event.data?.sandbox === word) act(event);
  };
  addEventListener("message", hear);
  return () => removeEventListener("message", hear);
}

// The bank's question in a dialog; resolves when the customer has answered it, closing it being a no.
function authenticate(intent) {
  return new Promise((resolve) => {
    const dialog = document.createElement("dialog");
    const query = { client_secret: intent.client_secret, scheme: schemeAt(document.body) };
    const question = frame(`elements/authenticate/${intent.id}`, query, "3D Secure authentication");
    const cover = { width: "100vw", height: "100dvh", maxWidth: "none", maxHeight: "none", border: "0" };
    Object.assign(dialog.style, cover, { padding: "0", background: "transparent", overflow: "hidden" });
    Object.assign(question.style, cover, { display: "block" });
    dialog.setAttribute("aria-label", "3D Secure authentication");
    dialog.append(question);
    const stop = listen(question, "authenticated", () => {
      stop();
      dialog.remove();
      resolve();
    });
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      question.contentWindow.postMessage({ sandbox: "refuse" }, ORIGIN);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
