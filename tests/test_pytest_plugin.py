"""The door for pytest: a user's own service, tested against the sandbox with two lines; and for nothing, unused."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from iletimerkezi_async import pytest_plugin
from iletimerkezi_async.pytest_plugin import iletimerkezi_sandbox, iletimerkezi_sandbox_url  # noqa: F401 - fixtures
from iletimerkezi_async.sandbox import Sandbox

ROOT = Path(__file__).parent.parent

#: A project of somebody who knows nothing of us but README.
SERVICE = """
import os
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request

from iletimerkezi_async import AsyncClient, Iys


@asynccontextmanager
async def lifespan(app: FastAPI):
    async with AsyncClient(iys=Iys.OFF) as client:
        app.state.sms = client
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/codes")
async def send_code(number: str, request: Request) -> dict[str, int]:
    order = await request.app.state.sms.send_sms("Kodunuz 1234", to=number)
    return {"order": order.id}
"""
TESTS = """
from asgi import post
from service import app


def test_a_code_is_sent(iletimerkezi_sandbox, iletimerkezi_sandbox_url):
    assert post(app, "/codes?number=05301234567") == {"order": iletimerkezi_sandbox.orders[0].id}
    assert iletimerkezi_sandbox.deliveries == {"+905301234567": 1}


def test_the_next_one_begins_anew(iletimerkezi_sandbox):
    assert iletimerkezi_sandbox.orders == ()
"""
#: What a user's test client does, without that of starlette, which wants packages of its own.
ASGI = """
import anyio
import httpx


def post(app, path):
    async def main():
        async with app.router.lifespan_context(app):
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
                return (await http.post(path)).raise_for_status().json()

    return anyio.run(main)
"""
UNUSED = """
import sys


def test_nothing_is_loaded():
    assert "iletimerkezi_async_pytest" in sys.modules
    assert not {"iletimerkezi_async", "httpx", "anyio", "attr", "orjson"} & set(sys.modules)
"""


def run_pytest(folder: Path, *options: str, path: Path = ROOT, **files: str) -> str:
    """Write the files of a project, run pytest on it, and return what it says."""
    for name, content in files.items():
        (folder / f"{name}.py").write_text(content, "utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-W", "error", "-p", "no:cacheprovider", *options, str(folder)],
        capture_output=True, text=True, check=False, cwd=folder, timeout=120,
        env=environment | {"PYTHONPATH": str(path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_user_tests_a_service(tmp_path: Path) -> None:
    """As a project of its own, with warnings as errors."""
    said = run_pytest(
        tmp_path, "-p", "iletimerkezi_async.pytest_plugin", service=SERVICE, asgi=ASGI, test_service=TESTS
    )
    assert "2 passed" in said


def test_the_wheel_is_found_and_costs_nothing(tmp_path: Path) -> None:
    """Installed, it needs no word to pytest; where its fixtures are not used, nothing of the client is loaded."""
    installed = tmp_path / "installed"
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(installed)]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    used, unused = tmp_path / "used", tmp_path / "unused"
    used.mkdir()
    unused.mkdir()
    files = {"service": SERVICE, "asgi": ASGI, "test_service": TESTS}
    assert "2 passed" in run_pytest(used, path=installed, **files)
    # Other plugins of this environment load much of that: only ours is let in.
    options = ("--disable-plugin-autoload", "-p", "iletimerkezi_async_pytest")
    assert "1 passed" in run_pytest(unused, *options, path=installed, test_unused=UNUSED)


def test_the_entry_point_and_its_file_agree() -> None:
    """What pytest is told to load is what the wheel is told to hold; it imports pytest and nothing else of weight."""
    settings = (ROOT / "pyproject.toml").read_text("utf-8")
    assert "[project.entry-points.pytest11]" in settings
    assert 'iletimerkezi = "iletimerkezi_async_pytest"' in settings
    assert '"iletimerkezi_async/pytest_plugin.py" = "iletimerkezi_async_pytest.py"' in settings
    tree = ast.parse(Path(pytest_plugin.__file__).read_text("utf-8"))
    shown = {ast.unparse(node) for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))}
    assert shown == {"from __future__ import annotations", "from typing import TYPE_CHECKING", "import pytest"}


class TestOfTheFixtures:
    """A user who wants another sandbox defines a fixture of the same name."""

    @pytest.fixture
    def iletimerkezi_sandbox(self) -> Sandbox:
        return Sandbox(key="anahtar", hash="ozet", senders=["APITEST", "MAGAZA"])

    @pytest.mark.usefixtures("iletimerkezi_sandbox_url")
    def test_the_variables_are_those_of_the_sandbox_that_is_there(self) -> None:
        """Key, hash, a sender that takes every order, and the address."""
        names = ("ILETIMERKEZI_API_", "ILETIMERKEZI_BASE_", "ILETIMERKEZI_SENDER")
        shown = {name: value for name, value in os.environ.items() if name.startswith(names)}
        assert shown.pop("ILETIMERKEZI_BASE_URL").startswith("http://127.0.0.1:")
        assert shown == {
            "ILETIMERKEZI_API_KEY": "anahtar",
            "ILETIMERKEZI_API_HASH": "ozet",
            "ILETIMERKEZI_SENDER": "MAGAZA",
        }


def test_without_a_sender_of_ones_own() -> None:
    """The test sender is all there is."""
    assert Sandbox(senders=["APITEST"]).environment("x")["ILETIMERKEZI_SENDER"] == "APITEST"
