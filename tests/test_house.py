"""The house: what is exported, who may import whom, who knows what."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import iletimerkezi_async

PACKAGE = Path(iletimerkezi_async.__file__).parent

#: From the ground up. A module may import those of lower floors, and nothing of its own floor or above.
FLOORS = [
    {"_version", "errors", "records", "seen"},
    {"text"},
    {"numbers", "credentials"},
    {"models"},
    {"results"},
    {"draft", "dates", "consents", "reading"},
    {"operations", "webhook", "journal"},
    {"intake", "filling"},
    {"retry", "pacing"},
    {"transport"},
    {"paging", "clocks"},
    {"recovery", "cancelling", "registering", "waiting"},
    {"bulk"},
    {"client"},
    {"__init__"},
    {"sandbox"},
    {"cli", "pytest_plugin"},
    {"__main__"},
]
FLOOR_OF = {name: floor for floor, names in enumerate(FLOORS) for name in names}


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    """The module of a file, or the subpackage that it is a part of."""
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imports(path: Path) -> set[str]:
    """Absolute names of all that a file imports, at whatever depth."""
    names: set[str] = set()
    package = ["iletimerkezi_async", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            names.update({stem} if node.module else {f"{stem}.{alias.name}" for alias in node.names})
    return names


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_downward_only(path: Path) -> None:
    """Every module has a floor, and looks only below it."""
    here = room(path)
    for name in imports(path):
        if name.split(".")[0] != "iletimerkezi_async":
            continue
        there = [*name.split("."), "__init__"][1]
        if there == here and len(path.relative_to(PACKAGE).parts) > 1:
            continue
        assert FLOOR_OF[there] < FLOOR_OF[here], f"{here} imports {there}"


def test_every_module_has_a_floor() -> None:
    """A new file is placed in the house on purpose."""
    assert {room(path) for path in sources()} == set(FLOOR_OF)


def test_one_file_of_the_core_knows_httpx() -> None:
    """Beside it, annotations of the public face; the sandbox, a house of its own, has a door for httpx."""
    users = {room(path) for path in sources() if "httpx" in imports(path)}
    assert users == {"transport", "client", "sandbox"}
    client = ast.parse((PACKAGE / "client.py").read_text("utf-8"))
    assert not any(
        "httpx" in ast.unparse(node) for node in client.body if isinstance(node, (ast.Import, ast.ImportFrom))
    )


PURE = [
    "consents", "credentials", "dates", "draft", "errors", "models", "numbers", "operations", "reading", "records",
    "results", "retry", "seen", "text", "webhook",
]  # fmt: skip


@pytest.mark.parametrize("name", PURE)
def test_pure_code_does_no_io(name: str) -> None:
    """Neither a socket nor a sleep, so that it is tested without either."""
    assert not imports(PACKAGE / f"{name}.py") & {"anyio", "httpx", "socket", "asyncio", "trio", "threading"}


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_backend_is_named(path: Path) -> None:
    """Everything runs on asyncio and trio; only the sandbox's server has a loop of its own, in its thread."""
    if path.name != "server.py":
        assert not {name.split(".")[0] for name in imports(path)} & {"asyncio", "trio", "sniffio"}


def test_exported_names_are_sorted_and_complete() -> None:
    """`__all__` is what is there, and nothing else is."""
    exported = iletimerkezi_async.__all__
    assert exported == sorted(exported)
    modules = {path.stem for path in PACKAGE.glob("*.py")} | {"sandbox", "cli"}
    public = {name for name in vars(iletimerkezi_async) if not name.startswith("_")} - modules
    assert public | {"__version__"} == set(exported)


def test_everything_public_is_documented() -> None:
    """Each exported class and function, and each public method of theirs."""
    for name in iletimerkezi_async.__all__:
        value = getattr(iletimerkezi_async, name)
        if isinstance(value, str):
            continue
        assert value.__doc__, name
        for attribute, member in vars(value).items() if isinstance(value, type) else ():
            if not attribute.startswith("_") and callable(member) and value.__module__.startswith("iletimerkezi"):
                assert member.__doc__, f"{name}.{attribute}"


def test_the_import_is_quick_to_its_point() -> None:
    """Neither the sandbox nor the command, nor what they need, is loaded with the client."""
    code = (
        "import sys, iletimerkezi_async; "
        "print(sorted({'starlette', 'uvicorn', 'jinja2', 'typer', 'sqlite3', 'trio'} & set(sys.modules)))"
    )
    # Measuring coverage would load modules of its own.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert shown.stdout.strip() == "[]"


def test_the_top_level_holds_what_it_should() -> None:
    """Nothing that a stranger would wonder about."""
    root = PACKAGE.parent
    if not (root / ".git").exists():
        pytest.skip("not a checkout")
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True, cwd=root).stdout
    top = {line.split("/")[0] for line in listed.splitlines()}
    assert {name for name in top if not name.startswith(".")} <= {
        "CHANGELOG.md", "LICENSE", "README.md", "benchmarks", "iletimerkezi_async", "pyproject.toml", "tests",
    }  # fmt: skip
