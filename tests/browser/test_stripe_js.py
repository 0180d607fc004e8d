"""The stand-in for Stripe.js in a real browser: a shop on another origin, under a strict Content Security Policy."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from flask import Flask, Response, render_template
from playwright.sync_api import Browser, FrameLocator, Page, expect
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from billing.sandbox import Sandbox
from tests.support.browsing import look, serving, visiting

PAYS = "4242424242424242"
DECLINED = "4000000000000002"
ASKS = "4000002760003184"
FAILED_AUTHENTICATION = (
    "invalid_request_error payment_intent_authentication_failure: We are unable to authenticate your payment method. "
    "Please choose a different payment method and try again."
)
Open = Callable[..., FrameLocator]


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    made: list[Sandbox] = []

    def build(url: str) -> Flask:
        made.append(Sandbox(tmp_path / "sandbox.sqlite3", public_url=f"{url}/sandbox"))
        host = Flask("host")
        host.wsgi_app = DispatcherMiddleware(host.wsgi_app, {"/sandbox": made[0].app})  # type: ignore[method-assign]  # Flask's way to mount an app
        return host

    with serving(build):
        yield made[0]
    made[0].close()


@pytest.fixture
def shop(sandbox: Sandbox) -> Iterator[str]:
    """A shop that takes cards with the sandbox's Stripe.js and may load and ask nothing else."""
    folder = Path(__file__).parent / "shop"
    origin = sandbox.public_url.removesuffix("/sandbox")
    policy = (
        f"default-src 'none'; script-src 'self' {origin}; style-src 'self'; img-src data:; frame-src {origin}; "
        f"connect-src {origin}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )

    def build(_url: str) -> Flask:
        app = Flask("shop", static_folder=folder, static_url_path="/static", template_folder=folder)

        @app.after_request
        def be_strict(response: Response) -> Response:
            response.headers["Content-Security-Policy"] = policy
            return response

        app.add_url_rule("/", "pay", lambda: render_template("index.html", sandbox=sandbox.public_url))
        app.add_url_rule("/thanks", "thanks", lambda: "<!doctype html><title>Thanks</title><h1>Thank you</h1>")
        return app

    with serving(build) as url:
        yield url


@pytest.fixture
def tab(chromium: Browser, shop: str) -> Iterator[Page]:
    with visiting(chromium, shop) as page:
        yield page


@pytest.fixture
def intent(sandbox: Sandbox) -> dict[str, Any]:
    return sandbox.call("POST", "/v1/payment_intents", {"amount": 500, "currency": "usd"})


@pytest.fixture
def open_shop(tab: Page, intent: dict[str, Any]) -> Open:
    """Opens the shop for a flow; returns its card fields."""

    def visit(flow: str = "payment", secret: str = "", **more: str) -> FrameLocator:
        query = {"flow": flow, "secret": secret or intent["client_secret"], **more}
        tab.goto("/?" + "&".join(f"{name}={value}" for name, value in query.items()))
        tab.locator("form[data-ready]").wait_for()
        return tab.frame_locator("#element iframe")

    return visit


def _type(fields: FrameLocator, number: str) -> None:
    """Type a card as a person does, from field to field with the keyboard."""
    fields.get_by_label("Card number").press_sequentially(number)
    fields.get_by_label("Card number").press("Tab")
    fields.get_by_label("Expiration date").press_sequentially("1234")
    fields.get_by_label("Expiration date").press("Tab")
    fields.get_by_label("Security code").press_sequentially("123")


def _hears(page: Page, words: str) -> None:
    expect(page.locator("#message")).to_have_text(words)


def test_a_card_pays_and_the_shop_never_sees_its_number(
    tab: Page, open_shop: Open, sandbox: Sandbox, intent: dict[str, Any]
) -> None:
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(f"{request.frame.url} {request.post_data}"))
    fields = open_shop()
    _type(fields, PAYS)
    expect(fields.get_by_label("Card number")).to_have_value("4242 4242 4242 4242")
    expect(fields.get_by_label("Expiration date")).to_have_value("12 / 34")
    fields.get_by_label("Security code").press("Enter")
    _hears(tab, "succeeded")

    paid = sandbox.call("GET", f"/v1/payment_intents/{intent['id']}", {"expand": ["payment_method"]})
    assert (paid["status"], paid["payment_method"]["card"]["last4"]) == ("succeeded", "4242")
    with_number = [entry for entry in asked if "4242" in entry.replace("+", "")]
    assert with_number
    assert all(entry.startswith(f"{sandbox.public_url}/elements/") for entry in with_number)
    heard = tab.evaluate("JSON.stringify(seen)")
    assert '"complete":true' in heard
    assert "4242" not in heard


def test_a_decline_is_said_beside_the_field_and_another_card_pays(tab: Page, open_shop: Open) -> None:
    fields = open_shop()
    _type(fields, DECLINED)
    tab.get_by_role("button").click()
    _hears(tab, "card_error card_declined: Your card was declined.")
    number = fields.get_by_label("Card number")
    expect(number).to_have_attribute("aria-invalid", "true")
    expect(number).to_have_accessible_description("Your card was declined.")
    expect(number).to_be_focused()

    number.fill(PAYS)
    expect(fields.get_by_role("alert")).to_have_count(0)
    tab.get_by_role("button").click()
    _hears(tab, "succeeded")


def test_what_is_missing_or_wrong_is_said_without_asking_the_bank(
    tab: Page, open_shop: Open, sandbox: Sandbox, intent: dict[str, Any]
) -> None:
    fields = open_shop()
    tab.get_by_role("button").click()
    _hears(tab, "validation_error incomplete_number: Your card number is incomplete.")
    expect(fields.get_by_role("alert")).to_have_count(3)

    fields.get_by_label("Card number").fill("4242424242424241")
    expect(fields.get_by_role("alert").first).to_have_text("Your card number is invalid.")
    fields.get_by_label("Expiration date").fill("01 / 20")
    expect(fields.get_by_role("alert").nth(1)).to_have_text("Your card's expiration year is in the past.")
    assert sandbox.call("GET", f"/v1/payment_intents/{intent['id']}")["status"] == "requires_payment_method"


def test_an_expiry_is_judged_by_the_sandboxs_clock(tab: Page, open_shop: Open, sandbox: Sandbox) -> None:
    sandbox.advance(timedelta(days=9 * 366))
    fields = open_shop()
    _type(fields, PAYS)
    expect(fields.get_by_role("alert")).to_have_text("Your card's expiration year is in the past.")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("Complete authentication", "succeeded"),
        ("Fail authentication", FAILED_AUTHENTICATION),
        ("Escape", FAILED_AUTHENTICATION),
    ],
)
def test_the_bank_asks_in_a_dialog(tab: Page, open_shop: Open, answer: str, words: str) -> None:
    _type(open_shop(), ASKS)
    tab.get_by_role("button").click()
    question = tab.frame_locator("dialog iframe")
    expect(question.get_by_role("button", name="Complete authentication")).to_be_focused()
    if answer == "Escape":
        tab.keyboard.press("Escape")
    else:
        question.get_by_role("button", name=answer).click()
    _hears(tab, words)
    expect(tab.get_by_role("dialog")).to_have_count(0)


def test_a_redirect_leads_back_with_the_intent(tab: Page, open_shop: Open, shop: str, intent: dict[str, Any]) -> None:
    _type(open_shop(redirect="always"), ASKS)
    tab.get_by_role("button").click()
    tab.frame_locator("dialog iframe").get_by_role("button", name="Complete authentication").click()
    tab.wait_for_url(
        f"{shop}/thanks?payment_intent={intent['id']}&payment_intent_client_secret={intent['client_secret']}"
        "&redirect_status=succeeded"
    )


@pytest.mark.parametrize("number", [PAYS, ASKS])
def test_a_card_is_saved_to_its_customer(tab: Page, open_shop: Open, sandbox: Sandbox, number: str) -> None:
    customer = sandbox.call("POST", "/v1/customers", {"email": "ada@example.com"})["id"]
    setup = sandbox.call("POST", "/v1/setup_intents", {"customer": customer})
    fields = open_shop("setup", setup["client_secret"])
    merchant = sandbox.call("GET", "/v1/account")["business_profile"]["name"]
    expect(fields.get_by_text(f"you allow {merchant} to charge your card")).to_be_visible()
    _type(fields, number)
    tab.get_by_role("button").click()
    if number == ASKS:
        tab.frame_locator("dialog iframe").get_by_role("button", name="Complete authentication").click()
    _hears(tab, "succeeded")

    saved = sandbox.call("GET", f"/v1/customers/{customer}/payment_methods")["data"]
    assert [method["card"]["last4"] for method in saved] == [number[-4:]]


def test_the_card_element_pays_and_names_the_customer(
    tab: Page, open_shop: Open, sandbox: Sandbox, intent: dict[str, Any]
) -> None:
    _type(open_shop("card"), PAYS)
    tab.get_by_role("button").click()
    _hears(tab, "succeeded")

    assert tab.evaluate("seen.filter(({ name }) => name === 'change').at(-1).brand") == "visa"
    method = sandbox.call("GET", f"/v1/payment_intents/{intent['id']}", {"expand": ["payment_method"]})
    assert method["payment_method"]["billing_details"]["name"] == "Ada Lovelace"


def test_cards_are_made_and_saved_without_intents_or_elements(tab: Page, open_shop: Open, sandbox: Sandbox) -> None:
    _type(open_shop("card"), PAYS)
    details = {"name": "Ada Lovelace", "address": {"country": "GB"}}
    made = tab.evaluate(
        "details => stripe.createPaymentMethod({ type: 'card', card: element, billing_details: details })", details
    )["paymentMethod"]
    assert (made["card"]["last4"], made["billing_details"]["address"]["country"]) == ("4242", "GB")

    setup = sandbox.call("POST", "/v1/setup_intents")
    confirm = "([secret, method]) => stripe.confirmCardSetup(secret, { payment_method: method })"
    saved = tab.evaluate(confirm, [setup["client_secret"], {"card": {"token": "tok_mastercard"}}])
    assert saved["setupIntent"]["status"] == "succeeded"

    waiting = sandbox.call("POST", "/v1/payment_intents", {"amount": 500, "currency": "usd"})
    left_alone = tab.evaluate(
        "([secret, method]) => stripe.confirmCardPayment(secret, { payment_method: method }, { handleActions: false })",
        [waiting["client_secret"], "pm_card_authenticationRequired"],
    )
    assert left_alone["paymentIntent"]["status"] == "requires_action"
    expect(tab.get_by_role("dialog")).to_have_count(0)


def test_an_element_does_as_it_is_told(tab: Page, open_shop: Open) -> None:
    fields = open_shop("card")
    number = fields.get_by_label("Card number")
    tab.evaluate("element.focus()")
    expect(number).to_be_focused()
    expect(tab.locator("#element")).to_have_class("StripeElement StripeElement--empty StripeElement--focus")

    number.fill(PAYS)
    tab.evaluate("element.update({ disabled: true, style: { base: { color: 'rgb(1, 2, 3)' } } })")
    expect(number).to_be_disabled()
    expect(number).to_have_css("color", "rgb(1, 2, 3)")
    tab.evaluate("element.update({ disabled: false })")
    tab.evaluate("element.clear()")
    expect(number).to_have_value("")

    tab.evaluate(
        """() => {
            window.heard = { once: 0, never: 0 };
            const never = () => heard.never++;
            element.once('change', () => heard.once++).on('change', never).off('change', never);
        }"""
    )
    number.fill("4")
    expect(fields.get_by_text("Visa")).to_be_visible()
    number.fill("5555")
    expect(fields.get_by_text("Mastercard")).to_be_visible()
    assert tab.evaluate("heard") == {"once": 1, "never": 0}

    tab.evaluate("element.unmount(); element.mount(document.querySelector('#element'))")
    expect(number).to_have_value("")
    tab.evaluate("element.destroy()")
    expect(tab.locator("#element iframe")).to_have_count(0)
    assert tab.evaluate("elements.getElement('card')") is None


def test_an_intent_may_come_after_the_fields(tab: Page, open_shop: Open) -> None:
    _type(open_shop("deferred"), PAYS)
    tab.get_by_role("button").click()
    _hears(tab, "succeeded")


def test_a_server_hands_over_what_the_bank_wants_to_know(tab: Page, open_shop: Open, sandbox: Sandbox) -> None:
    params = {"amount": 700, "currency": "usd", "payment_method": "pm_card_authenticationRequired", "confirm": True}
    waiting = sandbox.call("POST", "/v1/payment_intents", params)
    open_shop()
    tab.evaluate(
        "secret => { window.asked = stripe.handleNextAction({ clientSecret: secret }); }", waiting["client_secret"]
    )
    tab.frame_locator("dialog iframe").get_by_role("button", name="Complete authentication").click()
    assert tab.evaluate("asked")["paymentIntent"]["status"] == "succeeded"
    retrieved = tab.evaluate("secret => stripe.retrievePaymentIntent(secret)", waiting["client_secret"])
    assert retrieved["paymentIntent"]["id"] == waiting["id"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("Stripe('')", "Please call Stripe() with your publishable key."),
        ("Stripe('sk_test_1')", "You should not use your secret key with Stripe.js."),
        ("Stripe('pk_live_1')", "publishable test keys alone"),
        ("stripe.elements().create('payment')", "you must pass a clientSecret or mode"),
        ("elements.create('payment')", "Can only create one Element of type payment."),
        ("elements.create('idealBank')", "The sandbox has no idealBank element"),
        ("stripe.confirmPayment({})", "expected either `elements` or `clientSecret`, but got neither"),
        ("stripe.confirmPayment({ elements })", "the `confirmParams.return_url` argument is required"),
        ("stripe.confirmSetup({ elements, redirect: 'if_required' })", "should be a client secret of the form"),
        ("stripe.createPaymentMethod({ elements })", "elements.submit() must be called before"),
        ("element.destroy() && element.ask('validate')", "make sure the Element you are attempting to use is still"),
    ],
)
def test_a_wrong_integration_is_told_what_is_wrong(tab: Page, open_shop: Open, code: str, words: str) -> None:
    open_shop()
    told = tab.evaluate(
        f"async () => {{ try {{ await ({code}); }} catch (error) {{ return `${{error.name}}: ${{error.message}}`; }} }}"
    )
    assert told.startswith("IntegrationError: ")
    assert words in told


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_fields_take_the_pages_colours_unless_a_theme_says_otherwise(
    tab: Page, open_shop: Open, scheme: Literal["light", "dark"]
) -> None:
    colours = {"light": "rgb(255, 255, 255)", "dark": "rgb(26, 31, 48)"}
    other: dict[str, Literal["light", "dark"]] = {"light": "dark", "dark": "light"}
    tab.emulate_media(color_scheme=scheme)
    for theme, expected in (("", scheme), ("stripe", "light"), ("night", "dark")):
        expect(open_shop(theme=theme).get_by_label("Card number")).to_have_css("background-color", colours[expected])

    number = open_shop().get_by_label("Card number")
    tab.emulate_media(color_scheme=other[scheme])
    expect(number).to_have_css("background-color", colours[other[scheme]])


def test_the_fields_and_the_dialog_look_right(tab: Page, open_shop: Open, sandbox: Sandbox) -> None:
    setup = sandbox.call("POST", "/v1/setup_intents")["client_secret"]
    for flow, secret in (("payment", ""), ("card", ""), ("setup", setup)):
        fields = open_shop(flow, secret)
        _paint_what_shows_through(tab)
        look(tab, f"stripe-js-{flow}")
        _type(fields, DECLINED)
        tab.get_by_role("button").click()
        expect(fields.get_by_role("alert")).to_have_text("Your card was declined.")
        look(tab, f"stripe-js-{flow}-declined")
    fields.get_by_label("Card number").fill(ASKS)
    tab.get_by_role("button").press("Enter")  # the alert goes, and the button moves: a click might miss it
    tab.frame_locator("dialog iframe").get_by_role("button", name="Fail authentication").wait_for()
    look(tab, "stripe-js-dialog")


def _paint_what_shows_through(tab: Page) -> None:
    """Give the fields the shop's background as their own: axe takes what shows through a frame for white."""
    tab.frames[-1].evaluate("document.documentElement.style.background = 'Canvas'")
