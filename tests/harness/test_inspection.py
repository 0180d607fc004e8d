"""The page inspection sees what it is there to see: each fault alone, in an otherwise sound page."""

import pytest

from tests.support.inspection import problems

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'nonce-n0'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
SOUND = """<!doctype html>
<html lang="en"><head><title>Pricing</title><meta name="viewport" content="width=device-width"></head>
<body><h1>Plans</h1><a href="/pro">Pro</a><script nonce="n0">1</script>
<form method="post" action="/checkout"><input type="hidden" name="csrf_token" value="t">
<label for="seats">Seats</label><input id="seats" name="seats"><button>Buy</button></form></body></html>"""


def test_a_sound_page_has_no_problems() -> None:
    assert problems(SOUND, HEADERS) == []


@pytest.mark.parametrize(
    ("sound", "fault", "complaint"),
    [
        ("<!doctype html>", "", "does not begin with"),
        (' lang="en"', "", "no lang"),
        ("Pricing", "", "no title"),
        ("viewport", "other", "no viewport"),
        ("<h1>Plans</h1>", "", "exactly one h1"),
        ("<h1>Plans</h1>", "<h1>Plans</h1><h1>More</h1>", "exactly one h1"),
        ('for="seats"', "", "has no label"),
        ('for="seats"', 'for="chairs"', "#chairs, which is not on the page"),
        ("<h1>", '<h1 id="seats">', "used 2 times"),
        (">Pro<", "><", "no words"),
        ('href="/pro"', 'href="#"', "leads nowhere"),
        (">Buy<", "><", "no words"),
        ("<h1>Plans</h1>", '<h1>Plans</h1><img src="/a.svg">', "no alt"),
        ('name="csrf_token"', 'name="other"', "without a csrf_token"),
        ('value="t"', 'value=""', "without a csrf_token"),
        ('nonce="n0"', "", "without the policy's nonce"),
        ('nonce="n0"', 'nonce="guess"', "without the policy's nonce"),
        ("<h1>", '<h1 style="color:red">', "inline code in 'style'"),
        ("<h1>", '<h1 onclick="go()">', "inline code in 'onclick'"),
        ('href="/pro"', 'href="javascript:go()"', "inline code in 'href'"),
    ],
)
def test_each_fault_is_named(sound: str, fault: str, complaint: str) -> None:
    assert sound in SOUND
    assert any(complaint in problem for problem in problems(SOUND.replace(sound, fault, 1), HEADERS))


@pytest.mark.parametrize("name", HEADERS)
def test_each_header_is_missed(name: str) -> None:
    without = {key: value for key, value in HEADERS.items() if key != name}
    assert any(name in problem for problem in problems(SOUND, without))


@pytest.mark.parametrize("loose", ["script-src 'unsafe-inline'", "style-src 'unsafe-eval'"])
def test_a_loose_policy_is_refused(loose: str) -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert any(
        "unsafe" in problem for problem in problems(SOUND, HEADERS | {"Content-Security-Policy": f"{policy}; {loose}"})
    )
