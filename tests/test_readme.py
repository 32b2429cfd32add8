"""README and the docstrings tell what is true: their examples run, and the two commands are the ones that must work."""

from __future__ import annotations

import ast
import builtins
import json
import os
import pydoc
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from waiting import PATIENCE

import iletimerkezi_async
from iletimerkezi_async.sandbox import Fault, Sandbox

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text("utf-8")


def docstrings(path: Path) -> list[str]:
    """Those of a module, and of its classes and functions."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, kinds)]
    return [said for node in nodes if (said := ast.get_docstring(node))]


#: What is read by users, by the file that it is in.
DOCUMENTS = {"README.md": TEXT} | {
    str(path.relative_to(ROOT)): "\n".join(docstrings(path)) for path in (ROOT / "iletimerkezi_async").rglob("*.py")
}
EXAMPLES = {
    f"{file}-{number}": example
    for file, text in DOCUMENTS.items()
    for number, example in enumerate(re.findall(r"```python\n(.*?)```", text, re.DOTALL), 1)
}
#: README, and the docstrings of folders and of what else has a page in the reference.
CHAPTERS = [file for file in DOCUMENTS if re.search(r"README|__init__|errors|client|pytest_plugin", file)]
SCRIPTS = {name: example for name, example in EXAMPLES.items() if "anyio.run(main)" in example}
WEBHOOKS = [example for example in EXAMPLES.values() if "hooks = " in example]
(SERVICE,) = [example for example in EXAMPLES.values() if "@app.post" in example]
(USER_TEST,) = [example for example in EXAMPLES.values() if "TestClient" in example]

pytestmark = pytest.mark.anyio


@pytest.fixture
def environment(sandbox: Sandbox, url: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    settings = {"ILETIMERKEZI_API_KEY": "demo", "ILETIMERKEZI_API_HASH": "demo", "ILETIMERKEZI_SENDER": "FIRMA"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return os.environ | settings


def against(url: str, example: str) -> str:
    """The example, with the one change that keeps it from the real service."""
    return re.sub(r"AsyncClient\((?=[hi)])", f'AsyncClient(base_url="{url}", ', example)


@pytest.mark.parametrize("example", SCRIPTS.values(), ids=SCRIPTS)
def test_the_scripts_run(sandbox: Sandbox, url: str, environment: dict[str, str], tmp_path: Path, example: str) -> None:
    """As files of their own, with warnings as errors."""
    with httpx.Client() as http:
        order = {"sender": "FIRMA", "iys": "0", "message": {"text": "x", "receipents": {"number": "5301234560"}}}
        credentials = {"key": "demo", "hash": "demo"}
        http.post(f"{url}/send-sms/json", json={"request": {"authentication": credentials, "order": order}})
    sandbox.advance(minutes=1)
    command = [sys.executable, "-W", "error", "-c", against(url, example)]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=PATIENCE, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_first_script_says_what_a_second_run_does(url: str, environment: dict[str, str], tmp_path: Path) -> None:
    """As README says, against the sandbox that the environment names: that they have it, and no traceback."""
    script = SCRIPTS["README.md-1"]
    settings = environment | {"ILETIMERKEZI_BASE_URL": url}
    runs = [
        subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, env=settings, timeout=PATIENCE, check=False,
            cwd=tmp_path,
        )
        for _ in range(2)
    ]  # fmt: skip
    assert [run.returncode for run in runs] == [0, 0], runs[1].stderr
    assert "3 of 3 delivered" in runs[0].stdout
    assert "+905301234567 DELIVERED" in runs[0].stdout
    assert "the same text went to the same numbers less than 10 minutes ago; nothing was sent now" in runs[1].stdout
    assert "the same text went to the same numbers less than 10 minutes" in " ".join(TEXT.split())


def test_readme_is_short() -> None:
    """Whoever begins reads all of it."""
    assert len(TEXT.splitlines()) <= 220


async def test_the_web_service_runs(sandbox: Sandbox, url: str, environment: dict[str, str]) -> None:
    """Its endpoint sends a code once, refuses what is no number, and has a client as long as the application lives."""
    names: dict[str, object] = {}
    exec(compile(against(url, SERVICE), "README.md", "exec"), names)
    app = names["app"]
    async with names["lifespan"](app):  # type: ignore[operator]  # what the example defines
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # likewise
        async with httpx.AsyncClient(transport=transport, base_url="http://service.example") as browser:
            sent = await browser.post("/codes", json={"number": "0530 123 45 67"})
            again = await browser.post("/codes", json={"number": "0530 123 45 67"})
            refused = await browser.post("/codes", json={"number": "0212 123 45 67"})
    assert sent.json() == {"order": sandbox.orders[0].id}
    assert (again.status_code, again.json()) == (200, {"order": None})
    assert refused.status_code == 422
    assert sandbox.deliveries == {"+905301234567": 1}


def test_the_test_of_a_user_s_service_runs(tmp_path: Path) -> None:
    """With the service of the first example beside it, by pytest in a process of its own."""
    (tmp_path / "service.py").write_text(SERVICE, "utf-8")
    (tmp_path / "test_service.py").write_text(USER_TEST, "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "iletimerkezi_async.pytest_plugin", "--noconftest"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=PATIENCE, check=False)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def posts() -> list[bytes]:
    """What the service may post of one message: twice, out of order, and something else."""
    report = {"id": 1, "packet_id": 2, "to": "+90530123xxxx", "body": "x"}
    words = ("accepted", "delivered", "accepted", "delivered", "kedi")
    return [json.dumps({"report": report | {"status": word}}).encode() for word in words]


async def test_the_webhook_of_fastapi_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its state only moves forward."""
    monkeypatch.setenv("SMS_WEBHOOK_PATH", "gizli")
    (example,) = [example for example in WEBHOOKS if "FastAPI" in example]
    names: dict[str, object] = {}
    exec(compile(example, "README.md", "exec"), names)
    transport = httpx.ASGITransport(names["hooks"])  # type: ignore[arg-type]  # what the example defines
    async with httpx.AsyncClient(transport=transport, base_url="http://service.example") as service:
        codes = [(await service.post("/sms/gizli", content=post)).status_code for post in posts()]
    assert codes == [204, 204, 204, 204, 400]
    assert names["states"] == {1: 111}


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_the_webhook_of_aiohttp_runs(monkeypatch: pytest.MonkeyPatch, anyio_backend: str) -> None:
    """Likewise; aiohttp knows asyncio alone."""
    from aiohttp.test_utils import TestClient, TestServer

    monkeypatch.setenv("SMS_WEBHOOK_PATH", "gizli")
    (example,) = [example for example in WEBHOOKS if "aiohttp" in example]
    names: dict[str, object] = {}
    exec(compile(example, "README.md", "exec"), names)
    async with TestClient(TestServer(names["hooks"])) as service:  # type: ignore[arg-type]  # what the example defines
        codes = [(await service.post("/sms/gizli", data=post)).status for post in posts()]
    assert codes == [204, 204, 204, 204, 400]
    assert names["states"] == {1: 111}


def test_every_example_is_among_those_that_run() -> None:
    """None is left to rot, and none was lost."""
    assert len(EXAMPLES) == len(SCRIPTS) + len(WEBHOOKS) + len([SERVICE, USER_TEST])
    assert (len(SCRIPTS), len(WEBHOOKS)) == (13, 2)


def test_the_two_commands_stand_at_the_top_word_for_word() -> None:
    """What must always work on a machine with nothing but Python and git."""
    top = TEXT[: TEXT.index("## Install")]
    assert "\npython3 -m venv .venv && .venv/bin/pip install -q '.[cli]' && .venv/bin/iletimerkezi demo\n" in top
    assert "\npython3 -m venv .venv && .venv/bin/pip install -q -e '.[dev]' && .venv/bin/pytest\n" in top


def test_all_faults_are_listed() -> None:
    """Where the sandbox's own chapter tells of them."""
    said = DOCUMENTS["iletimerkezi_async/sandbox/__init__.py"]
    listed = set(re.findall(r"`([a-z0-9-]+)`", said[said.index("Faults (") : said.index("## In your own tests")]))
    assert {str(fault.value) for fault in Fault} <= listed


@pytest.mark.parametrize("file", CHAPTERS)
def test_the_errors_that_it_names_exist(file: str) -> None:
    """None is made up."""
    for name in re.findall(r"`(\w+Error)", DOCUMENTS[file]):
        assert name in iletimerkezi_async.__all__ or hasattr(builtins, name)


@pytest.mark.parametrize("file", CHAPTERS)
def test_the_modules_and_files_that_it_names_exist(file: str) -> None:
    """So that whoever reads on finds something there."""
    for name in re.findall(r"`(iletimerkezi_async(?:\.\w+)*)", DOCUMENTS[file]):
        pydoc.locate(name) or pytest.fail(name)
    for path in re.findall(r"(?:\]\(|`)((?:tests|benchmarks)/[\w./]*\w)", DOCUMENTS[file]):
        assert (ROOT / path).exists(), path
