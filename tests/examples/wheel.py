"""`make wheel` runs this: an app on the built wheel alone, away from the checkout, has all it needs.

It is no part of `make test`: building fetches the build backend.
"""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

DIST = Path(__file__).resolve().parents[2] / "dist"

APP = """
from pathlib import Path
from flask import Flask
from flask_login import LoginManager
from billing import Billing

app = Flask("host", instance_path=str(Path.cwd()))
app.config |= {"SECRET_KEY": "x", "SQLALCHEMY_DATABASE_URI": f"sqlite:///{Path.cwd()}/host.sqlite3"}
LoginManager(app).user_loader(lambda user_id: None)
Billing(app, settings={"SANDBOX_DELIVERIES": "manual"})

import billing
assert Path(billing.__file__).is_relative_to(Path.cwd()), billing.__file__
for command in ("db upgrade", "catalog apply --yes", "portal configure"):
    result = app.test_cli_runner().invoke(args=["billing", *command.split()])
    assert result.exit_code == 0, result.output
client = app.test_client()
pricing = client.get("/pricing")
assert pricing.status_code == 200 and "Starter" in pricing.text, pricing.text
for path in ("/billing/static/billing/theme.css", "/billing/static/billing/vendor/pico.min.css", "/sandbox/"):
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status)
"""


def test_an_app_runs_on_the_wheel_alone(tmp_path: Path) -> None:
    wheel = max(DIST.glob("*.whl"), key=lambda path: path.stat().st_mtime)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
        names = set(archive.namelist())
    assert not {name.partition("/")[0] for name in names} - {
        "billing",
        f"{'-'.join(wheel.stem.split('-')[:2])}.dist-info",
    }
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", APP], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
