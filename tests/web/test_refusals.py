"""Refusals as answers: pages for people, JSON for programs, the same code in both."""

import pytest
from werkzeug.exceptions import (
    HTTPException,
    ImATeapot,
    MethodNotAllowed,
    NotFound,
    RequestEntityTooLarge,
    Unauthorized,
)
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response

from billing.core.errors import Action, Conflict, Invalid, Unavailable
from billing.web import refusals
from tests.web.conftest import RequestWith


@pytest.mark.parametrize(
    ("accept", "json"),
    [
        ("", False),
        ("*/*", False),
        ("text/html,application/xhtml+xml,*/*;q=0.8", False),
        ("application/json", True),
        ("application/json, text/html;q=0.5", True),
        ("text/html, application/json;q=0.9", False),
        ("image/png", False),
    ],
)
def test_json_is_for_those_who_would_rather_have_it(request_with: RequestWith, accept: str, json: bool) -> None:
    with request_with(Accept=accept):
        assert refusals.wants_json() is json


def test_a_refusal_for_programs(request_with: RequestWith) -> None:
    with request_with(Accept="application/json"):
        response = refusals.answer(Invalid("No such plan.", field="price"))
        assert response.status_code == 422
        assert response.get_json()["error"] == {"code": "invalid", "message": "No such plan.", "request_id": None}


def test_a_refusal_for_people_shows_ways_on(request_with: RequestWith) -> None:
    with request_with():
        response = refusals.answer(Conflict("Moved on.", actions=(Action("See for yourself", "/see"),)))
        assert response.status_code == 409
        assert "Moved on." in response.get_data(as_text=True)
        assert 'href="/see"' in response.get_data(as_text=True)
        assert "See the plans" in refusals.answer(Conflict("Moved on.")).get_data(as_text=True)


def test_when_stripe_is_away_the_rest_is_said_to_work(request_with: RequestWith) -> None:
    with request_with():
        assert "Away. Your other pages keep working." in refusals.answer(Unavailable("Away.")).get_data(as_text=True)


@pytest.mark.parametrize(
    ("error", "status", "code", "words"),
    [
        (NotFound(), 404, "not_found", "There is nothing here"),
        (Unauthorized(), 401, "unauthorized", "signed-in people"),
        (MethodNotAllowed(["GET"]), 405, "method_not_allowed", "does not take that kind of request"),
        (RequestEntityTooLarge(), 413, None, "larger than this page takes"),
        (ImATeapot("Short and stout."), 418, None, "Short and stout."),
    ],
)
def test_what_flask_refuses_has_words_too(
    request_with: RequestWith, error: HTTPException, status: int, code: str | None, words: str
) -> None:
    with request_with(Accept="application/json"):
        response = refusals.answer_http(error)
        told = response.get_json()["error"]
        assert response.status_code == status
        assert words in told["message"]
        assert code in (None, told["code"])


def test_headers_that_belong_to_a_refusal_stay(request_with: RequestWith) -> None:
    with request_with():
        assert refusals.answer_http(MethodNotAllowed(["GET", "HEAD"])).headers["Allow"] == "GET, HEAD"


def test_answers_made_elsewhere_and_redirects_pass(request_with: RequestWith) -> None:
    made = Response("made", 403)
    with request_with():
        assert refusals.answer_http(HTTPException(response=made)) is made
        assert refusals.answer_http(RequestRedirect("/elsewhere")).status_code == 308


def test_a_bug_is_told_without_its_details(request_with: RequestWith) -> None:
    with request_with():
        response = refusals.bug()
        assert response.status_code == 500
        assert "Something broke" in response.get_data(as_text=True)
