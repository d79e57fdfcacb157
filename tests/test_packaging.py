"""The package: what is installed, what it needs, and that the library needs no more than it says."""

from __future__ import annotations

import configparser
import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NEEDS = {"attrs": ("attr", "attrs"), "cattrs": ("cattr", "cattrs"), "transitions": ("transitions",)}
THEIR_NEEDS = {"typing_extensions": ("typing_extensions.py",), "six": ("six.py",)}


@pytest.fixture(scope="module")
def config() -> configparser.ConfigParser:
    """setup.cfg as it is read by setuptools."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def names(text: str) -> list[str]:
    """The distribution names of a list of requirements."""
    return [re.split(r"[<>=!~;\[ ]", line, maxsplit=1)[0] for line in text.split("\n") if line]


def test_every_package_in_the_tree_is_installed(config: configparser.ConfigParser) -> None:
    """The list in setup.cfg is what is there, no more and no less."""
    found = [path.parent.relative_to(ROOT) for top in ("mmfsm", "runner") for path in (ROOT / top).rglob("__init__.py")]

    assert sorted(config["options"]["packages"].split()) == sorted(".".join(path.parts) for path in found)


def test_the_library_needs_three_distributions(config: configparser.ConfigParser) -> None:
    """attrs, cattrs and transitions; clients and loggers come with an extra."""
    assert names(config["options"]["install_requires"]) == list(NEEDS)
    assert "pybotters" in names(config["options.extras_require"]["live"])


def test_the_installed_distribution_says_the_same() -> None:
    """Without an extra, installing mmfsm asks for these three."""
    required = [need for need in importlib.metadata.requires("mmfsm") or [] if "extra ==" not in need]

    assert sorted(names("\n".join(required))) == sorted(NEEDS)


def test_the_commands_lead_somewhere() -> None:
    """Each console script names a module and a function that are there."""
    scripts = [
        entry for entry in importlib.metadata.distribution("mmfsm").entry_points if entry.group == "console_scripts"
    ]

    assert {entry.name for entry in scripts} >= {"mmfsm-runner", "mmfsm-diagrams"}
    assert all(callable(entry.load()) for entry in scripts)


def test_types_the_page_and_the_style_are_shipped(config: configparser.ConfigParser) -> None:
    """Both packages carry their marker, so that a user's type checker reads them; page and report carry their files."""
    shipped = {"mmfsm": "py.typed", "runner": "py.typed", "runner.page": "static/*", "runner.report": "*.css"}
    assert dict(config["options.package_data"]) == shipped
    assert all((ROOT / name / "py.typed").exists() for name in ("mmfsm", "runner"))


def gather(into: Path) -> None:
    """Lay the library and what it says it needs, and nothing else, into one directory."""
    (into / "mmfsm").symlink_to(ROOT / "mmfsm")
    for distribution, tops in {**NEEDS, **THEIR_NEEDS}.items():
        installed = importlib.metadata.distribution(distribution)
        for top in tops:
            (into / top).symlink_to(Path(str(installed.locate_file(top))))


def test_the_library_runs_with_what_it_says_it_needs(tmp_path: Path) -> None:
    """With the three distributions alone a desk starts up and quotes; no client and no logger can be imported."""
    gather(tmp_path)
    code = f"""
import importlib.util, pkgutil, sys
sys.path.insert(0, {str(tmp_path)!r})
import mmfsm, mmfsm.testing
for module in pkgutil.walk_packages(mmfsm.__path__, "mmfsm."):
    importlib.import_module(module.name)
desk = mmfsm.testing.ready_desk()
assert desk.state.mode.state == "QUOTING" and len(desk.state.orders.open) == 2
absent = [name for name in ("pybotters", "aiohttp", "loguru", "runner") if importlib.util.find_spec(name) is None]
print(mmfsm.__file__, *absent)
"""
    # -I: no environment, no current directory; -S: no site-packages.
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], cwd=tmp_path, capture_output=True, text=True)

    assert done.stderr == ""
    assert done.stdout.split() == [str(tmp_path / "mmfsm" / "__init__.py"), "pybotters", "aiohttp", "loguru", "runner"]
