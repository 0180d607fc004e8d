"""Where the templates and static files are."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def folder(name: str) -> Path:
    """The folder `name` ("templates" or "static").

    It lies beside the package in a checkout and inside it once installed as a wheel.
    """
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name
