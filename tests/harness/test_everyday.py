"""The everyday suite leaves something of everything, and says what it leaves out."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.long
def test_every_folder_is_touched_and_what_is_left_out_is_counted() -> None:
    command = [sys.executable, "-m", "pytest", "tests", "-p", "no:cacheprovider", "--collect-only", "-q"]
    told = subprocess.run([*command, "--everyday"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    kept = re.findall(r"^(tests/(\w+)/\S+)::", told, re.MULTILINE)
    folders = {path.parent.relative_to(PROJECT / "tests").parts[0] for path in PROJECT.glob("tests/*/**/test_*.py")}
    assert {folder for _, folder in kept} == folders
    names = "\n".join(told.splitlines())
    assert "tests/core/test_db.py" in names
    assert "[postgresql]" in names, "a sample of what databases do differently"
    assert "tests/browser/test_journey.py" in names, "a look in a real browser"
    reasons = re.findall(r"^(\d+) left out: ", told, re.MULTILINE)
    (total,) = re.findall(r"^The everyday suite: (\d+) tests are left to `make test-all`", told, re.MULTILINE)
    assert sum(map(int, reasons)) == int(total)
    assert len(reasons) == 3
