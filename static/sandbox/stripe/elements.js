// Second part of three: Elements. Their fields live in a frame of the sandbox; this side only passes messages.

const STATES = ["complete", "empty", "focus", "invalid"];
const VARIABLES = {
  borderRadius: "--radius",
  colorBackground: "--card",
  colorDanger: "--bad",
  colorPrimary: "--accent",
  colorText: "--text",
  colorTextSecondary: "--muted",
};

class Element {
  #type;
  #query;
  #options;
  #listeners = [];
  #box = null;
  #frame = null;
  #port = null;
  #opened = null;
  #stopListening = () => {};
  #answers = new Map();
  #questions = 0;
  #forget;

  constructor(type, query, options, forget) {
    this.#type = type;
    this.#query = query;
    this.#options = options;
    this.#forget = forget;
  }

  get mounted() {
    return this.#frame !== null;
  }

  mount(target) {
    const box = typeof target === "string" ? document.querySelector(target) : target;
    demand(box, `The selector you specified (${target}) applies to no DOM elements that are currently on the page.`);
    if (this.#box === box) return this;
    this.unmount();
    this.#box = box;
    const query = { ...this.#query, scheme: this.#scheme() };
    this.#frame = frame(`elements/${this.#type}`, query, "Secure card payment input frame");
    Object.assign(this.#frame.style, { display: "block", width: "calc(100% + 8px)", margin: "-4px" });
    this.#opened = new Promise((resolve) => {
      this.#stopListening = listen(this.#frame, "fields", ({ ports: [port] }) => {
        this.#port = port;
        port.onmessage = ({ data }) => (data.event ? this.#hear(data) : this.#answers.get(data.id)(data.result));
        this.#send("update", this.#look()).then(() => this.#emit("ready"));
        resolve();
      });
    });
    box.replaceChildren(this.#frame);
    box.classList.add("StripeElement", "StripeElement--empty");
    return this;
  }

  unmount() {
    this.#stopListening();
    this.#port?.close();
    this.#frame?.remove();
    this.#box?.classList.remove("StripeElement", ...STATES.map((state) => `StripeElement--${state}`));
    this.#box = this.#frame = this.#port = null;
    return this;
  }

  destroy() {
    this.unmount();
    this.#listeners = [];
    this.#forget();
    return this;
  }

  update(options) {
    Object.assign(this.#options, options);
    if (this.mounted) {
      this.#frame.style.colorScheme = this.#scheme();
      this.ask("update", this.#look());
    }
    return this;
  }

  focus() {
    this.ask("focus");
  }

  blur() {
    this.ask("blur");
  }

  clear() {
    this.ask("clear");
  }

  on(event, handler) {
    this.#listeners.push({ event, handler });
    return this;
  }

  once(event, handler) {
    const first = (detail) => {
      this.off(event, first);
      handler(detail);
    };
    return this.on(event, first);
  }

  off(event, handler) {
    const stays = (known) => known.event !== event || (handler && known.handler !== handler);
    this.#listeners = this.#listeners.filter(stays);
    return this;
  }

  // Have the frame do something; resolves to its answer.
  async ask(action, given) {
    const unmounted = "We could not retrieve data from the specified Element. ";
    demand(this.mounted, `${unmounted}Please make sure the Element you are attempting to use is still mounted.`);
    await this.#opened;
    return this.#send(action, given);
  }

  #scheme() {
    return schemeAt(this.#box, this.#options.appearance?.theme);
  }

  // What of the options the frame can follow.
  #look() {
    const { appearance, disabled, style } = this.#options;
    const known = Object.entries(appearance?.variables ?? {}).filter(([name]) => name in VARIABLES);
    const variables = Object.fromEntries(known.map(([name, value]) => [VARIABLES[name], value]));
    return { disabled, variables, style: style?.base, scheme: this.#scheme() };
  }

  #send(action, given) {
    return new Promise((resolve) => {
      const id = ++this.#questions;
      this.#answers.set(id, (result) => {
        this.#answers.delete(id);
        resolve(result);
      });
      this.#port.postMessage({ id, action, ...given });
    });
  }

  #hear({ event, detail }) {
    if (event === "resize") this.#frame.style.height = `${detail}px`;
    else if (event === "enter") this.#box.closest("form")?.requestSubmit();
    else if (event === "change") this.#change(detail);
    else this.#emit(event);
    if (event === "focus" || event === "blur") this.#mark("focus", event === "focus");
  }

  #change({ brand, empty, complete, error }) {
    this.#mark("empty", empty);
    this.#mark("complete", complete);
    this.#mark("invalid", Boolean(error));
    const card = { brand, error, value: { postalCode: "" } };
    const payment = { collapsed: false, value: { type: "card" } };
    this.#emit("change", { empty, complete, ...(this.#type === "card" ? card : payment) });
  }

  #mark(state, holds) {
    this.#box.classList.toggle(`StripeElement--${state}`, holds);
  }

  #emit(event, detail = {}) {
    const heard = this.#listeners.filter((known) => known.event === event);
    for (const { handler } of heard) handler({ elementType: this.#type, ...detail });
  }
}

// A group of elements: at most one of each type.
class Elements {
  #key;
  #options;
  #elements = new Map();
  submitted = false;

  constructor(key, options) {
    this.#key = key;
    this.#options = { ...options };
  }

  get clientSecret() {
    return this.#options.clientSecret;
  }

  get deferred() {
    return Boolean(this.#options.mode);
  }

  // Whether what is about to be typed will be kept for later payments.
  get #saves() {
    const { clientSecret, mode, setupFutureUsage } = this.#options;
    return mode ? mode !== "payment" || setupFutureUsage : clientSecret.startsWith(SETUP.prefix);
  }

  create(type, options = {}) {
    demand(["card", "payment"].includes(type), `The sandbox has no ${type} element: it has card and payment.`);
    demand(!this.#elements.has(type), `Can only create one Element of type ${type}.`);
    const lacking = "In order to create a payment element, you must pass a clientSecret or mode ";
    demand(type === "card" || this.clientSecret || this.deferred, `${lacking}when creating the Elements group.`);
    const query = { key: this.#key, ...(type === "payment" && this.#saves && { saves: "" }) };
    const given = { appearance: this.#options.appearance, ...options };
    const element = new Element(type, query, given, () => this.#elements.delete(type));
    this.#elements.set(type, element);
    return element;
  }

  getElement(type) {
    return this.#elements.get(type) ?? null;
  }

  update(options) {
    Object.assign(this.#options, options);
    const { appearance } = options;
    if (appearance) for (const element of this.#elements.values()) element.update({ appearance });
  }

  async fetchUpdates() {
    return {};
  }

  async submit() {
    const { error } = await this.payment("elements.submit()").ask("validate");
    this.submitted = !error;
    return error ? { error } : { selectedPaymentMethod: "card" };
  }

  // The mounted payment element, for what `caller` is about to do.
  payment(caller) {
    const element = this.getElement("payment");
    const lacking = "elements should have a mounted Payment Element or Express Checkout Element.";
    demand(element?.mounted, `Invalid value for ${caller}: ${lacking}`);
    return element;
  }
}
