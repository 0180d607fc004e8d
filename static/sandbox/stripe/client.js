// Third part of three: Stripe(key) and what it does with intents and cards.

const PAYMENT = {
  prefix: "pi_",
  path: "payment_intents",
  object: "payment_intent",
  name: "paymentIntent",
  error: "last_payment_error",
};
const SETUP = {
  prefix: "seti_",
  path: "setup_intents",
  object: "setup_intent",
  name: "setupIntent",
  error: "last_setup_error",
};

class StripeClient {
  #key;

  constructor(key) {
    this.#key = key;
  }

  elements(options = {}) {
    return new Elements(this.#key, options);
  }

  async confirmPayment(options) {
    return this.#confirm("stripe.confirmPayment()", PAYMENT, options);
  }

  async confirmSetup(options) {
    return this.#confirm("stripe.confirmSetup()", SETUP, options);
  }

  async confirmCardPayment(clientSecret, data, options) {
    return this.#confirmCard("stripe.confirmCardPayment", PAYMENT, clientSecret, data, options);
  }

  async confirmCardSetup(clientSecret, data, options) {
    return this.#confirmCard("stripe.confirmCardSetup", SETUP, clientSecret, data, options);
  }

  async retrievePaymentIntent(clientSecret) {
    return this.#retrieve(PAYMENT, clientSecret, "stripe.retrievePaymentIntent");
  }

  async retrieveSetupIntent(clientSecret) {
    return this.#retrieve(SETUP, clientSecret, "stripe.retrieveSetupIntent");
  }

  async handleNextAction({ clientSecret }) {
    const noun = clientSecret?.startsWith(SETUP.prefix) ? SETUP : PAYMENT;
    const found = await this.#retrieve(noun, clientSecret, "stripe.handleNextAction()");
    return found.error ? found : this.#act(noun, found[noun.name]);
  }

  async createPaymentMethod(data) {
    if (data.elements) {
      const element = data.elements.payment("stripe.createPaymentMethod()");
      checkSubmitted(data.elements, "stripe.createPaymentMethod()");
      return element.ask("createPaymentMethod", { params: pairs(data.params) });
    }
    const { type, card, ...params } = data;
    demand(type === "card", "The sandbox's stripe.createPaymentMethod() makes cards alone.");
    if (card instanceof Element) return card.ask("createPaymentMethod", { params: pairs(params) });
    const answer = await this.#call("POST", "payment_methods", data);
    return answer.error ? answer : { paymentMethod: answer };
  }

  async #confirm(caller, noun, { elements, clientSecret, confirmParams = {}, redirect = "always" }) {
    const neither = `${caller}: expected either \`elements\` or \`clientSecret\`, but got neither.`;
    demand(elements || clientSecret, neither);
    const secret = clientSecret ?? elements.clientSecret;
    checkSecret(noun, secret, caller);
    const { payment_method_data: details, ...params } = confirmParams;
    const nowhere = "the `confirmParams.return_url` argument is required unless `redirect` is `if_required`.";
    demand(redirect !== "always" || params.return_url, `${caller}: ${nowhere}`);
    const element = elements?.payment(caller);
    if (element) {
      if (elements.deferred) checkSubmitted(elements, caller);
      const made = await element.ask("createPaymentMethod", { params: pairs(details) });
      if (made.error) return made;
      params.payment_method = made.paymentMethod.id;
    }
    const result = await this.#pay(noun, secret, params);
    if (result.error) return element ? refuse(element, result) : result;
    if (redirect !== "always") return result;
    leave(noun, params.return_url, result[noun.name]);
    return new Promise(() => {}); // the page is being left
  }

  async #confirmCard(caller, noun, secret, data = {}, { handleActions = true } = {}) {
    checkSecret(noun, secret, caller);
    const { payment_method: method, ...params } = data;
    if (typeof method === "object") {
      const made = await this.createPaymentMethod({ type: "card", ...method });
      if (made.error) return made;
      params.payment_method = made.paymentMethod.id;
    } else {
      params.payment_method = method;
    }
    const result = await this.#pay(noun, secret, params, handleActions);
    return result.error && method?.card instanceof Element ? refuse(method.card, result) : result;
  }

  async #pay(noun, secret, params, handleActions = true) {
    const given = { ...params, client_secret: secret, use_stripe_sdk: true };
    const intent = await this.#call("POST", `${noun.path}/${idOf(secret)}/confirm`, given);
    if (intent.error) return intent;
    return handleActions ? this.#act(noun, intent) : { [noun.name]: intent };
  }

  // Ask the customer where the bank wants it, then see how it went.
  async #act(noun, intent) {
    if (intent.status !== "requires_action") return { [noun.name]: intent };
    await authenticate(intent);
    const { error, [noun.name]: after } = await this.#retrieve(noun, intent.client_secret);
    if (error) return { error };
    const refused = after.status === "requires_payment_method" && after[noun.error];
    return refused ? { error: { ...refused, [noun.object]: after } } : { [noun.name]: after };
  }

  async #retrieve(noun, secret, caller) {
    checkSecret(noun, secret, caller);
    const intent = await this.#call("GET", `${noun.path}/${idOf(secret)}`, { client_secret: secret });
    return intent.error ? intent : { [noun.name]: intent };
  }

  async #call(method, path, params) {
    const form = new URLSearchParams(pairs(params));
    const query = method === "GET" ? `?${form}` : "";
    const body = method === "POST" ? form : undefined;
    const request = { method, headers: { Authorization: `Bearer ${this.#key}` }, body };
    try {
      return await (await fetch(`${BASE}v1/${path}${query}`, request)).json();
    } catch {
      return { error: { type: "api_connection_error", message: "The sandbox does not answer." } };
    }
  }
}

const idOf = (secret) => secret.split("_secret_")[0];

function checkSecret(noun, secret, caller) {
  demand(secret, `You must pass in a clientSecret when calling ${caller}.`);
  const form = `value should be a client secret of the form \${id}_secret_\${secret}. You specified: ${secret}.`;
  const fits = secret.startsWith(noun.prefix) && secret.includes("_secret_");
  demand(fits, `Invalid value for ${caller} intent secret: ${form}`);
}

function checkSubmitted(elements, caller) {
  const when = "Call elements.submit() as soon as your customer presses pay, prior to any asynchronous work.";
  const guide = "Integration guide: https://stripe.com/docs/payments/accept-a-payment-deferred";
  demand(elements.submitted, `elements.submit() must be called before ${caller}. ${when} ${guide}`);
}

// Say beside the field what the bank said about the card.
async function refuse(element, result) {
  const { code, message, type } = result.error;
  const about = type === "card_error" || code?.endsWith("_authentication_failure");
  if (about && element.mounted) await element.ask("refuse", { error: { code, message } });
  return result;
}

function leave(noun, returnUrl, intent) {
  const url = new URL(returnUrl);
  url.searchParams.set(noun.object, intent.id);
  url.searchParams.set(`${noun.object}_client_secret`, intent.client_secret);
  url.searchParams.set("redirect_status", intent.status === "processing" ? "pending" : "succeeded");
  location.assign(url);
}

function Stripe(key, _options) {
  demand(key, "Please call Stripe() with your publishable key. You used an empty string.");
  const secret = "You should not use your secret key with Stripe.js.\n        Please pass a publishable key instead.";
  demand(!/^[sr]k_/.test(key), secret);
  demand(/^pk_test_\w+$/.test(key), "The sandbox takes publishable test keys alone: pk_test_...");
  return new StripeClient(key);
}
Stripe.version = 3;
window.Stripe = Stripe;
