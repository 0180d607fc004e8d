"""Security headers of every page: a strict policy that allows nothing but our own styles and images."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from flask import Flask, Response, current_app
from secure import (
    ContentSecurityPolicy,
    CrossOriginOpenerPolicy,
    PermissionsPolicy,
    ReferrerPolicy,
    Secure,
    StrictTransportSecurity,
    XContentTypeOptions,
    XFrameOptions,
)

from billing.core.settings import Settings

_EXTENSION = "billing.headers"


def init_app(app: Flask, configured: Settings) -> None:
    """Work out the headers of `app` once."""
    app.extensions[_EXTENSION] = build(configured)


def build(configured: Settings) -> dict[str, str]:
    """The headers for pages of a deployment with these settings.

    `form-action` names Stripe's hosts because browsers apply it to where a posted form is redirected, too.
    """
    api = urlsplit(configured.stripe_api_base)
    hosted = configured.stripe_hosted_origins.split() + ([f"{api.scheme}://{api.netloc}"] if api.netloc else [])
    policy = (
        ContentSecurityPolicy()
        .default_src("'none'")
        .style_src("'self'")
        .img_src("'self'", "data:")
        .font_src("'self'")
        .form_action("'self'", *hosted)
        .base_uri("'none'")
        .frame_ancestors("'none'")
    )
    https = configured.base_url.startswith("https://")
    return dict(
        Secure(
            csp=policy,
            coop=CrossOriginOpenerPolicy().same_origin(),
            hsts=StrictTransportSecurity().max_age(31_536_000) if https else None,
            permissions=PermissionsPolicy().camera().geolocation().microphone(),
            referrer=ReferrerPolicy().strict_origin_when_cross_origin(),
            xcto=XContentTypeOptions().nosniff(),
            xfo=XFrameOptions().deny(),
        ).headers
    )


def add(response: Response) -> Response:
    """Put the headers on `response`, wherever it does not say otherwise itself; what is personal is not cached."""
    said = {name.lower() for name in response.headers.keys()}  # noqa: SIM118  # iterating headers gives pairs
    for name, value in current_app.extensions[_EXTENSION].items():
        if name.lower() not in said:
            response.headers.add(name, value)
    if response.mimetype == "text/html":
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def allow(response: Response, directives: Mapping[str, str]) -> Response:
    """Let this one page do what its policy has no directive for, such as scripts: `directives` are added to it."""
    policy = current_app.extensions[_EXTENSION]["Content-Security-Policy"].rstrip("; ")
    added = [f"{name} {sources}" for name, sources in directives.items()]
    response.headers["Content-Security-Policy"] = "; ".join([policy, *added])
    return response
