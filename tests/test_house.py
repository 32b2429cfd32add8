"""The house: what is exported, who may import whom, who knows what."""

from __future__ import annotations

import ast
import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest

import iletimerkezi_async

PACKAGE = Path(iletimerkezi_async.__file__).parent

#: From the ground up. A file may import those of lower floors, and nothing of its own floor or above.
FLOORS = [
    {"_version", "errors", "redaction"},
    {"text"},
    {"numbers"},
    {"models"},
    {"results", "clocks"},
    {"wire"},
    {"stores", "values"},
    {"http", "filling", "formats"},
    {"orders"},
    {"campaigns"},
    {"client"},
    {"__init__"},
    {"sandbox"},
    {"cli", "pytest_plugin"},
    {"__main__"},
]
#: The same within each folder.
FLOORS_WITHIN = {
    "wire": [
        {"arguments"},
        {"credentials", "reading", "draft"},
        {"packing"},
        {"call", "webhook"},
        # The folder's own `__init__`, which has the table of operations.
        {""},
        {"account", "sending", "reports", "consents"},
    ],
    "stores": [
        {"threads", "log"},
        {"base"},
        {"sql"},
        {"sqlite", "postgres", "redis"},
        # The folder's own `__init__`, which gives what the stores are.
        {""},
    ],
    "http": [
        {"settings", "retry"},
        {"pacing", "exchange", "telemetry"},
        {"over_httpx", "over_aiohttp"},
        {"lanes", "clients"},
        {"transport"},
    ],
    "orders": [
        {"pieces", "life", "rules"},
        {"rows", "known"},
        {"paging", "several"},
        {"lookup"},
        {"search"},
        {"driver"},
        {"send"},
        {"session"},
    ],
    "campaigns": [
        {"seen", "journal"},
        {"intake"},
        {"tally"},
        {"orders"},
        {"narrowing"},
        {"campaign"},
    ],
}
#: Lines of the longest file allowed. The client's are its methods' docstrings.
LONGEST = {"client.py": 650}
LONGEST_FILE, LONGEST_FUNCTION = 500, 40


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    """`http.lanes` for `http/lanes.py`; a folder's own `__init__` is called as the folder."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sources()}


@functools.cache
def source_of(path: Path) -> tuple[str, ast.Module]:
    source = path.read_text("utf-8")
    return source, ast.parse(source)


@functools.cache
def nodes_of(path: Path) -> list[ast.AST]:
    return list(ast.walk(source_of(path)[1]))


@functools.cache
def imports(path: Path) -> set[str]:
    """Absolute names of all that a file imports, at whatever depth."""
    names: set[str] = set()
    package = ["iletimerkezi_async", *path.relative_to(PACKAGE).parts[:-1]]
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                # Of `from x import y`, y may be a module, and then x is only its folder.
                full = f"{stem}.{alias.name}"
                names.add(full if full.removeprefix("iletimerkezi_async.") in MODULES else stem)
    return names


def imported_modules(path: Path) -> set[str]:
    """The package's own modules that a file imports."""
    inside = {name.removeprefix("iletimerkezi_async.") for name in imports(path) if "iletimerkezi_async." in name}
    return {name for name in inside if name in MODULES}


def floor(name: str, floors: list[set[str]]) -> int:
    found = [number for number, names in enumerate(floors) if name in names]
    assert found, f"{name} has no floor"
    return found[0]


def goes_down(name: str, other: str) -> bool:
    here, _, file = name.partition(".")
    there, _, other_file = other.partition(".")
    if there != here:
        return floor(there, FLOORS) < floor(here, FLOORS)
    within = FLOORS_WITHIN.get(here)
    return within is None or floor(other_file, within) < floor(file, within)


def test_imports_go_downward_only() -> None:
    """Every folder and file has a floor, and looks only below it; so does every file within its folder."""
    pairs = [(name, other) for name, path in MODULES.items() for other in imported_modules(path)]
    assert [f"{name} imports {other}" for name, other in pairs if not goes_down(name, other)] == []


def test_every_module_has_a_floor() -> None:
    """A new file is placed in the house on purpose."""
    assert {name.split(".")[0] for name in MODULES} == set().union(*FLOORS)
    for folder, floors in FLOORS_WITHIN.items():
        assert {name.partition(".")[2] for name in MODULES if name.startswith(f"{folder}.")} == set().union(*floors) - {
            ""
        }


def test_no_imports_go_in_a_circle() -> None:
    """Nor inside of the sandbox and the command, which have no floors."""
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " imports ".join((*path[path.index(name) :], name))
        if name not in done:
            for other in imported_modules(MODULES[name]):
                visit(other, (*path, name))
            done.add(name)

    for name in MODULES:
        visit(name, ())


def test_one_folder_knows_http_libraries() -> None:
    """Not even for annotations; the sandbox, a house of its own, has a door for httpx."""
    libraries = {"httpx", "httpx2", "httpcore", "httpcore2", "aiohttp", "yarl"}
    users = {name for name, path in MODULES.items() if {each.split(".")[0] for each in imports(path)} & libraries}
    assert {name.split(".")[0] for name in users} == {"http", "sandbox"}


def test_a_library_that_its_user_may_lack_is_named_in_one_file() -> None:
    """aiohttp; httpx2 nowhere. That file is loaded only for whoever hands a session over."""
    rare = {"httpx2", "httpcore2", "aiohttp", "yarl"}
    users = {name for name, path in MODULES.items() if {each.split(".")[0] for each in imports(path)} & rare}
    assert users == {"http.over_aiohttp"}
    loading = {
        name
        for name, path in MODULES.items()
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ImportFrom) and "over_aiohttp" in ast.unparse(node)
    }
    assert loading == set()


def is_pure(name: str) -> bool:
    return name.startswith("wire") or name in {
        "clocks", "errors", "filling", "formats", "models", "numbers", "results", "text", "values", "campaigns.seen",
        "http.retry", "orders.life", "orders.rules",
    }  # fmt: skip


def users_of(*libraries: str) -> set[str]:
    return {name for name, path in MODULES.items() if {each.split(".")[0] for each in imports(path)} & {*libraries}}


def test_pure_code_does_no_io() -> None:
    """Neither a socket nor a sleep, so that it is tested without either."""
    assert set(filter(is_pure, users_of("anyio", "httpx", "socket", "asyncio", "trio", "threading"))) == set()


def test_no_backend_is_named() -> None:
    """Everything runs on asyncio and trio; only the sandbox's server has a loop of its own, in its thread."""
    assert users_of("asyncio", "trio", "sniffio") <= {"sandbox.server"}


def test_the_application_s_worker_threads_are_left_to_it() -> None:
    """Whoever waits for us in all of them would wait for ever, if we waited for one of them as well."""
    for name, path in MODULES.items():
        for node in nodes_of(path):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("to_thread.run_sync"):
                assert "limiter" in {keyword.arg for keyword in node.keywords}, (name, ast.unparse(node))


def test_files_stay_short() -> None:
    """What is longer has more than one subject."""
    lines = {name: source_of(path)[0].count("\n") for name, path in MODULES.items()}
    limits = {name: LONGEST.get(path.name, LONGEST_FILE) for name, path in MODULES.items()}
    assert {name: count for name, count in lines.items() if count > limits[name]} == {}


def test_functions_stay_short() -> None:
    """Likewise. A function's docstring does not count."""
    long: list[str] = []
    for name, path in MODULES.items():
        for node in nodes_of(path):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
                if (node.end_lineno or 0) - first.lineno >= LONGEST_FUNCTION:
                    long.append(f"{name}: {node.name}")
    assert long == []


@pytest.mark.parametrize("name", ["wire", "http", "stores", "orders", "campaigns"])
def test_every_folder_says_what_it_is(name: str) -> None:
    """At the top of its `__init__`, with each of its files named."""
    said = ast.get_docstring(ast.parse(MODULES[name].read_text("utf-8"))) or ""
    files = {module.partition(".")[2] for module in MODULES if module.startswith(f"{name}.")}
    assert [file for file in sorted(files) if f"`{file}`" not in said] == []


def test_exported_names_are_complete() -> None:
    """Each name in `__all__` exists and is listed once."""
    exported = iletimerkezi_async.__all__
    assert len(exported) == len(set(exported))
    public = {name for name in vars(iletimerkezi_async) if not name.startswith("_")} - set(MODULES)
    assert public | {"__version__"} == set(exported)


def test_everything_public_is_documented() -> None:
    """Each exported class and function, and each public method of theirs."""
    for name in iletimerkezi_async.__all__:
        value = getattr(iletimerkezi_async, name)
        # An alias of a type has its words in the source alone.
        if isinstance(value, str) or name == "OnProgress":
            continue
        assert value.__doc__, name
        for attribute, member in vars(value).items() if isinstance(value, type) else ():
            if not attribute.startswith("_") and callable(member) and value.__module__.startswith("iletimerkezi"):
                assert member.__doc__, f"{name}.{attribute}"


def test_the_import_is_quick_to_its_point() -> None:
    """Neither the sandbox nor the command, nor what they need, is loaded with the client."""
    code = (
        "import sys, iletimerkezi_async; "
        "print(sorted({'starlette', 'uvicorn', 'jinja2', 'typer', 'sqlite3', 'trio', "
        "'aiohttp', 'httpx2'} & set(sys.modules)))"
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


def test_ports_are_found_without_any_package() -> None:
    """`.ci/run` looks for free ones before it has installed anything."""
    here = os.fspath(Path(__file__).parent)
    code = f"import sys; sys.path.insert(0, {here!r}); import ports; print(ports.free_port())"
    # Isolated, and without the packages of this environment.
    shown = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert shown.stdout.strip().isdecimal(), shown.stderr
