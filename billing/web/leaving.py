"""Taking everything along: the export of all that is kept of an account."""

from flask import Response, stream_with_context
from flask.typing import ResponseReturnValue

from billing.core import ratelimit
from billing.domain.accounts.models import Account
from billing.sync import account_data
from billing.web.blueprint import signed_in
from billing.web.pages import pages

_LIMIT = "10 per minute"


@pages.get("/account/export", endpoint="export_account")
@signed_in
def export(account: Account) -> ResponseReturnValue:
    """Everything of the account, as a ZIP of JSON and CSV."""
    ratelimit.hit("export", account.uid, _LIMIT)
    response = Response(stream_with_context(account_data.zipped(account.id)), mimetype="application/zip")
    response.headers["Content-Disposition"] = f'attachment; filename="{account_data.file_name()}"'
    return response
