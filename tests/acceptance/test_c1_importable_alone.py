"""C1: mmfsm is importable alone: its own dependencies and nothing of networks, files, threads or event loops."""

import subprocess
import sys
from importlib.metadata import requires

from tests.support.tape import ROOT

ALONE = """
import sys

ALLOWED = {"mmfsm", "attr", "attrs", "cattr", "cattrs", "transitions", "six", "typing_extensions", "exceptiongroup"}

class Gate:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top not in ALLOWED:
            raise ImportError(f"{name} is not installed here")

sys.meta_path.insert(0, Gate())
import importlib, pkgutil, mmfsm
for module in pkgutil.walk_packages(mmfsm.__path__, "mmfsm."):
    importlib.import_module(module.name)
from mmfsm import Desk, Params
Desk(Params(), run=1)
print(" ".join(sorted({"asyncio", "socket", "pybotters", "aiohttp", "loguru", "runner"} & set(sys.modules))))
"""


def test_it_imports_whole_where_only_its_own_dependencies_are() -> None:
    """Every module of it, in a process where nothing but attrs, cattrs and transitions can be imported."""
    done = subprocess.run(
        [sys.executable, "-c", ALONE], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "", f"loaded: {done.stdout}"


def test_importing_the_package_loads_neither_asyncio_nor_pybotters() -> None:
    """As a stranger's program does it."""
    code = "import sys, mmfsm; assert not {'asyncio', 'pybotters', 'aiohttp', 'loguru'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


def test_installing_it_pulls_only_attrs_cattrs_and_transitions() -> None:
    """What the package's metadata asks for without an extra."""
    plain = {line.partition(";")[0] for line in requires("mmfsm") or [] if "extra ==" not in line}

    names = {"".join(letter for letter in line.split("<")[0].split(">")[0] if letter.isalpha()) for line in plain}
    assert names == {"attrs", "cattrs", "transitions"}
