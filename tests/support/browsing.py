"""A real Chromium against a real server, and what is asked of every page it shows."""

import os
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Literal
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, Route
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from tests.support.sealed import is_loopback

AXE = (Path(__file__).parents[1] / "browser" / "vendor" / "axe.min.js").read_text()
AXE_EVERYWHERE = f"{AXE};axe.configure({{allowedOrigins: ['<unsafe_all_origins>']}})"
"""Lets the axe of a page ask the one in a frame of another origin."""
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOUR_RULES = ["color-contrast", "link-in-text-block"]
"""What may differ between the schemes; the other rules look at a page once a width."""
WIDTHS = (1280, 360)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

_FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


def chromium_path() -> str | None:
    """Where this machine's Chromium is; None if it has none."""
    return shutil.which("chromium")


def launch(playwright: Playwright) -> Browser:
    """This machine's Chromium, headless."""
    return playwright.chromium.launch(executable_path=chromium_path(), args=_FLAGS)


class _Server(ThreadedWSGIServer):
    """Closing waits for the answers under way: what they need goes away next."""

    daemon_threads = False


class _Impatient(WSGIRequestHandler):
    """A browser opens connections it never uses; they must not keep the server from closing."""

    timeout = 5


class _InOnePiece:
    """Answers whole: a browser that leaves while a file is streamed makes werkzeug forget to close it."""

    def __init__(self, app: WSGIApplication) -> None:
        self.app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        pieces = self.app(environ, start_response)
        try:
            return [b"".join(pieces)]
        finally:
            if hasattr(pieces, "close"):
                pieces.close()


@contextmanager
def serving(build: Callable[[str], Flask]) -> Iterator[str]:
    """Serve the app that `build` makes for a base URL on a free port, from a thread; yields that URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        url = f"http://localhost:{port}"
        server = _Server("127.0.0.1", port, _InOnePiece(build(url)), handler=_Impatient, fd=listening.fileno())
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield url
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


@contextmanager
def visiting(chromium: Browser, base_url: str, *, javascript: bool = True) -> Iterator[Page]:
    """A visitor's tab with cookies of its own; errors on its console and requests beyond loopback fail the test.

    It asks for little motion from the start: asking later ends no transition that is under way.
    """
    complaints: list[str] = []

    def stay_here(route: Route) -> None:
        if is_loopback(urlsplit(route.request.url).hostname or ""):
            route.continue_()
        else:
            complaints.append(f"a request for {route.request.url}")
            route.abort()

    def note_error(message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:  # a 402 is an answer, too
            complaints.append(message.text)

    context = chromium.new_context(
        base_url=base_url, java_script_enabled=javascript, locale="en-US", reduced_motion="reduce"
    )
    try:
        context.route("**/*", stay_here)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", note_error)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
    finally:
        context.close()
    assert not complaints, complaints


def look(page: Page, name: str) -> None:
    """Look at the page as it is, wide and narrow, light and dark: accessible to axe, and no wider than the screen.

    Pictures go to the folder that the environment variable SCREENSHOTS names, if it does. The tab needs JavaScript:
    without, axe waits for ever.
    """
    folder = os.environ.get("SCREENSHOTS")
    page.wait_for_load_state("load")  # a page without its styles yet would be judged as it never looks
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            if folder:
                page.screenshot(path=Path(folder) / f"{name}-{width}-{scheme}.png", full_page=True)
            found = accessibility_violations(page, AXE_RULES if scheme == SCHEMES[0] else COLOUR_RULES)
            assert not found, f"{page.url} at {width} px, {scheme}:\n" + "\n".join(found)
        excess = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert excess <= 0, f"{page.url} is {excess} px wider than a screen of {width} px"


def accessibility_violations(page: Page, rules: Sequence[str] = AXE_RULES) -> list[str]:
    """What axe finds wrong with the page as it looks now: rule, help and the first element of each."""
    for frame in page.frames:
        if not frame.evaluate("'axe' in window"):
            frame.evaluate(AXE_EVERYWHERE)
    run = "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations'], preload: false})"
    result = page.evaluate(run, list(rules))
    return [f"{v['id']}: {v['help']} - {v['nodes'][0]['html']}" for v in result["violations"]]
