"""What is done once for all tests makes no difference to any."""

from flask import Flask
from werkzeug.routing import BaseConverter


class Loud(BaseConverter):
    def to_url(self, value: str) -> str:
        return value.upper()


def test_apps_with_the_same_routes_write_addresses_each_in_its_own_way() -> None:
    quiet, loud = Flask("quiet"), Flask("loud")
    loud.url_map.converters["word"] = Loud
    quiet.url_map.converters["word"] = BaseConverter
    for app in (quiet, loud):
        app.add_url_rule("/say/<word:said>", "say")
    assert built(quiet, "say", said="yes", times=2) == "/say/yes?times=2"
    assert built(loud, "say", said="yes", times=2) == "/say/YES?times=2"


def test_defaults_are_each_routes_own() -> None:
    first, second = Flask("first"), Flask("second")
    first.add_url_rule("/<page>", "page", defaults={"page": "start"})
    second.add_url_rule("/<page>", "page", defaults={"page": "end"})
    second.add_url_rule("/", "start")
    assert built(first, "page") == "/start"
    assert built(second, "page") == "/end"


def built(app: Flask, endpoint: str, **values: object) -> str:
    return app.url_map.bind("localhost").build(endpoint, values)
