// The 3D Secure question inside Stripe.js's dialog: says when it is answered, and takes closing for a refusal.
(() => {
  "use strict";
  const { host, done } = document.currentScript.dataset;
  if (done !== undefined) {
    parent.postMessage({ sandbox: "authenticated" }, host);
    return;
  }
  const refuse = () => document.querySelector("[value=fail]").click();
  addEventListener("keydown", (event) => event.key === "Escape" && refuse());
  addEventListener("message", (event) => {
    if (event.source === parent && event.origin === host && event.data.sandbox === "refuse") refuse();
  });
  document.querySelector("[value=complete]").focus();
})();
