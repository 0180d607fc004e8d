"""What is written beside the code - settings, templates, commands, locks - agrees with it."""

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator, Set
from pathlib import Path

from jinja2 import Environment, meta
from packaging.requirements import Requirement

from tests.architecture.tree import Module


def dead_templates(templates: Path, tree: list[Module], used_by_libraries: Set[str]) -> Iterator[str]:
    """Each template that no code names, no other template extends, includes or imports, and no library loads."""
    parser = Environment(extensions=["jinja2.ext.i18n", "jinja2.ext.do"], autoescape=True)
    constants = [node for module in tree for node in module.nodes if isinstance(node, ast.Constant)]
    named = {node.value for node in constants if isinstance(node.value, str)}
    present = {path.relative_to(templates).as_posix(): path for path in templates.rglob("*.*") if path.is_file()}
    for path in present.values():
        named |= {name or "" for name in meta.find_referenced_templates(parser.parse(path.read_text()))}
    for name in sorted(present.keys() - named - used_by_libraries):
        yield f"templates/{name} is rendered, extended or imported nowhere"


def unwritten_settings(names: Set[str], env_example: str, configuration: str) -> Iterator[str]:
    """Each setting missing from .env.example (with a comment above) or docs/configuration.md, and each invented one."""
    example = set(_explained(env_example))
    documented = set(re.findall(r"^\| `([A-Z_]+)`", configuration, re.MULTILINE))
    for place, found in ((".env.example", example), ("docs/configuration.md", documented)):
        yield from (f"{name} is not explained in {place}" for name in sorted(names - found))
        yield from (f"{place} explains {name}, which is no setting" for name in sorted(found - names))


def _explained(env_example: str) -> Iterator[str]:
    """Each `NAME=value` (commented out or not) that has a comment in words of its own above it."""
    comment = False
    for line in env_example.splitlines():
        if setting := re.match(r"#?([A-Z_]+)=", line):
            if comment:
                yield setting[1]
            comment = False
        else:
            comment = comment or bool(re.match(r"# .*\w+ \w+", line))


def undocumented_commands(commands: Iterable[str], docs: Iterable[str]) -> Iterator[str]:
    """Each command (as typed after `flask`) that no page of `docs` shows."""
    pages = "\n".join(docs)
    for command in sorted(commands):
        if not re.search(rf"flask (--app \S+ )?{re.escape(command)}\b", pages):
            yield f"`flask {command}` is explained nowhere in README.md or docs/"


def stale_locks(pyproject: str, lock: str, dev_lock: str) -> Iterator[str]:
    """Each URL in a lock, each declared requirement a lock does not satisfy, each pin on which the two differ."""
    declared = tomllib.loads(pyproject)
    wanted = declared["project"]["dependencies"]
    runtime, dev = _pins(lock), _pins(dev_lock)
    for name, text in (("requirements.txt", lock), ("requirements-dev.txt", dev_lock)):
        if "://" in text:
            yield f"{name} holds an address"
    for name, requirements, pins in (
        ("requirements.txt", wanted, runtime),
        ("requirements-dev.txt", wanted + declared["dependency-groups"]["dev"], dev),
    ):
        for requirement in map(Requirement, requirements):
            version = pins.get(_plain(requirement.name))
            if version is None or not requirement.specifier.contains(version, prereleases=True):
                yield f"{name} pins {requirement.name} to {version}, pyproject.toml wants {requirement}: make lock"
    for package in sorted(runtime.keys() & dev.keys()):
        if runtime[package] != dev[package]:
            yield f"the locks differ on {package}: {runtime[package]} and {dev[package]}"


_PIN = re.compile(r"^([\w.-]+)(?:\[[\w, -]+\])?==([^\s;\\]+)", re.MULTILINE)


def _pins(lock: str) -> dict[str, str]:
    return {_plain(name): version for name, version in _PIN.findall(lock)}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
