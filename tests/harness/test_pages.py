"""The test browser behaves as a browser does, on a site of its own."""

import pytest
from flask import Flask, Response, redirect, request, session
from werkzeug.wrappers import Response as WerkzeugResponse

from tests.harness.test_inspection import HEADERS
from tests.support.pages import Browser

SHELL = """<!doctype html><html lang="en"><head><title>Shop</title><meta name="viewport" content="x"></head>
<body><h1>{}</h1>{}</body></html>"""
FORM = """<a href="/next?page=2">Next  page</a>
<form action="/order" method="post"><input type="hidden" name="csrf_token" value="t">
<label>E-mail <input name="email"></label>
<label>Plan <select name="plan"><option value="a">A</option><option selected>b</option></select></label>
<label><input type="checkbox" name="terms" value="yes"> Terms</label>
<label>Note <textarea name="note">hi</textarea></label>
<button name="do" value="buy">Buy</button><button name="do" value="save">Save</button></form>"""


@pytest.fixture
def shop() -> Browser:
    shop = Flask(__name__)
    shop.secret_key = "k"

    @shop.get("/")
    def home() -> str:
        return SHELL.format("Shop", FORM)

    @shop.post("/order")
    def order() -> WerkzeugResponse:
        session["order"] = ", ".join(f"{name}={value}" for name, value in sorted(request.form.items()))
        return redirect("/done", 303)

    @shop.get("/done")
    def done() -> str:
        return SHELL.format("Done", f"<p>{request.method} {session['order']}</p>")

    @shop.get("/next")
    def following() -> str:
        return SHELL.format("Page", request.args["page"])

    @shop.get("/leave")
    def leave() -> WerkzeugResponse:
        return redirect("https://checkout.stripe.com/c/pay/1", 303)

    @shop.get("/circle")
    def circle() -> WerkzeugResponse:
        return redirect("/circle")

    @shop.get("/unsound")
    def unsound() -> str:
        return "<p>no page</p>"

    @shop.after_request
    def harden(response: Response) -> Response:
        response.headers.update(HEADERS)
        return response

    return Browser(shop, "http://localhost:5000")


def test_a_form_sends_what_it_shows_and_what_was_typed(shop: Browser) -> None:
    page = shop.get("/").form("/order").fill(email="ada@example.com", terms="yes").submit("Save")
    assert (page.h1, page.path, page.status) == ("Done", "/done", 200)
    assert page.text == "Done GET csrf_token=t, do=save, email=ada@example.com, note=hi, plan=b, terms=yes"


def test_only_what_is_on_the_page_can_be_filled_chosen_or_pressed(shop: Browser) -> None:
    form = shop.get("/").form("/order")
    with pytest.raises(AssertionError, match="no field 'card'"):
        form.fill(card="4242")
    with pytest.raises(AssertionError, match="offers"):
        form.fill(plan="free")
    with pytest.raises(AssertionError, match="no button reads"):
        form.submit("Sell")
    with pytest.raises(AssertionError, match="0 such forms"):
        shop.get("/").form("/refund")


def test_links_are_followed_by_their_words(shop: Browser) -> None:
    assert shop.get("/").click("Next page").text == "Page 2"


def test_another_site_is_not_visited_and_circles_end(shop: Browser) -> None:
    assert shop.get("/leave").location == "https://checkout.stripe.com/c/pay/1"
    with pytest.raises(AssertionError, match="redirects"):
        shop.get("/circle")


def test_every_page_is_inspected(shop: Browser) -> None:
    with pytest.raises(AssertionError, match="not sound"):
        shop.get("/unsound")
