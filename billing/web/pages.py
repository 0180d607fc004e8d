"""The blueprint of all customer pages. Importing the modules of views adds them to it."""

from billing.core import assets
from billing.web.blueprint import PageBlueprint

pages = PageBlueprint(
    "billing",
    __name__,
    static_folder=str(assets.folder("static")),
    static_url_path="/billing/static",
)
