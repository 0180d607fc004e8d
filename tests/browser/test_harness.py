"""The browser harness sees what it is there to see, on small sites of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page

from tests.support.browsing import accessibility_violations, look, serving, visiting

SOUND = """<!doctype html><html lang="en"><head><title>Shop</title>
<meta name="viewport" content="width=device-width"></head><body><main><h1>Shop</h1>{}</main></body></html>"""
PAGES = {
    "sound": SOUND.format("<p>Fine</p>"),
    "mute": SOUND.format('<img src="data:,">'),
    "wide": SOUND.format('<div style="width: 900px">x</div>'),
    "leaving": SOUND.format('<img alt="x" src="https://example.com/x.png">'),
    "broken": SOUND.format("<script>nothing.here()</script>"),
}


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    app = Flask(__name__)
    app.add_url_rule("/<name>", "page", lambda name: PAGES.get(name, ""))
    with serving(lambda _: app) as url:
        yield url


@pytest.fixture
def tab(chromium: Browser, shop: str) -> Iterator[Page]:
    with visiting(chromium, shop) as page:
        yield page


def test_a_sound_page_is_looked_at_four_times(tab: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCREENSHOTS", str(tmp_path))
    tab.goto("/sound")
    look(tab, "sound")
    pictures = {path.name for path in tmp_path.glob("*.png")}
    assert pictures == {f"sound-{width}-{scheme}.png" for width in (1280, 360) for scheme in ("light", "dark")}


def test_axe_finds_a_picture_without_words(tab: Page) -> None:
    tab.goto("/mute")
    assert any("image-alt" in violation for violation in accessibility_violations(tab))


def test_a_page_wider_than_a_phone_is_refused(tab: Page) -> None:
    tab.goto("/wide")
    with pytest.raises(AssertionError, match="wider than a screen of 360 px"):
        look(tab, "wide")


@pytest.mark.parametrize(("name", "complaint"), [("leaving", "example.com"), ("broken", "nothing is not defined")])
def test_leaving_this_machine_or_failing_aloud_fails_the_test(
    chromium: Browser, shop: str, name: str, complaint: str
) -> None:
    with pytest.raises(AssertionError, match=complaint), visiting(chromium, shop) as page:
        page.goto(f"/{name}")


def test_without_javascript_no_script_runs(chromium: Browser, shop: str) -> None:
    with visiting(chromium, shop, javascript=False) as page:
        page.goto("/broken")
        assert page.locator("h1").inner_text() == "Shop"
