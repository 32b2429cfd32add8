"""README tells what is true: its examples run, against the sandbox, and its commands are the ones that must work."""

from __future__ import annotations

import builtins
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

import iletimerkezi_async
from iletimerkezi_async.sandbox import Fault, Sandbox

README = Path(__file__).parent.parent / "README.md"
TEXT = README.read_text("utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
SCRIPTS = [example for example in EXAMPLES if "anyio.run(main)" in example]

WEBHOOKS = [example for example in EXAMPLES if "hooks = " in example]
(USER_TEST,) = [example for example in EXAMPLES if "TestClient" in example]

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


@pytest.mark.parametrize("example", SCRIPTS, ids=lambda example: example.splitlines()[4][:40])
def test_the_scripts_run(sandbox: Sandbox, url: str, environment: dict[str, str], tmp_path: Path, example: str) -> None:
    """As files of their own, with warnings as errors."""
    with httpx.Client() as http:
        order = {"sender": "FIRMA", "iys": "0", "message": {"text": "x", "receipents": {"number": "5301234560"}}}
        credentials = {"key": "demo", "hash": "demo"}
        http.post(f"{url}/send-sms/json", json={"request": {"authentication": credentials, "order": order}})
    sandbox.advance(minutes=1)
    command = [sys.executable, "-W", "error", "-c", against(url, example)]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=60, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


async def test_the_web_service_runs(sandbox: Sandbox, url: str, environment: dict[str, str]) -> None:
    """Its endpoint sends a code once, refuses what is no number, and has a client as long as the application lives."""
    (example,) = [example for example in EXAMPLES if "@app.post" in example]
    names: dict[str, object] = {}
    exec(compile(against(url, example), "README.md", "exec"), names)
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
    (service,) = [example for example in EXAMPLES if "@app.post" in example]
    base_url = 'base_url=os.environ.get("ILETIMERKEZI_BASE_URL", "https://api.iletimerkezi.com/v1")'
    assert base_url in TEXT
    service = "import os\n" + service.replace("AsyncClient(iys", f"AsyncClient({base_url}, iys")
    (tmp_path / "service.py").write_text(service, "utf-8")
    (tmp_path / "test_service.py").write_text(USER_TEST, "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "iletimerkezi_async.pytest_plugin", "--noconftest"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
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
    """None is left to rot."""
    assert len(EXAMPLES) == len(SCRIPTS) + len(WEBHOOKS) + len([USER_TEST]) + 1
    assert (len(SCRIPTS), len(WEBHOOKS)) == (9, 2)


def test_the_two_commands_stand_at_the_top_word_for_word() -> None:
    """What must always work on a machine with nothing but Python and git."""
    top = TEXT[: TEXT.index("## Install")]
    assert "\npython3 -m venv .venv && .venv/bin/pip install -q '.[cli]' && .venv/bin/iletimerkezi demo\n" in top
    assert "\npython3 -m venv .venv && .venv/bin/pip install -q -e '.[dev]' && .venv/bin/pytest\n" in top


def test_the_faults_and_errors_that_it_names_exist() -> None:
    """All faults are listed, and no error is made up."""
    listed = set(re.findall(r"`([a-z0-9-]+)`", TEXT[TEXT.index("Faults are") : TEXT.index("## The command")]))
    assert {str(fault.value) for fault in Fault} <= listed
    for name in re.findall(r"`(\w+Error)", TEXT):
        assert name in iletimerkezi_async.__all__ or hasattr(builtins, name)
