"""What is shipped: a wheel that works outside of the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    """With its types and licence, and the door for pytest, without tests and benchmarks."""
    names = zipfile.ZipFile(wheel).namelist()
    assert "iletimerkezi_async/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    top = {name.split("/")[0].split("-")[0] for name in names}
    assert top == {"iletimerkezi_async", "iletimerkezi_async_pytest.py"}
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "iletimerkezi_async").rglob("*.py")}
    templates = {str(path.relative_to(ROOT)) for path in (ROOT / "iletimerkezi_async").glob("*/templates/*")}
    assert templates
    # pytest finds its door outside of the package, as `iletimerkezi_async_pytest`.
    assert (sources | templates) - {"iletimerkezi_async/pytest_plugin.py"} <= set(names)


def test_the_wheel_sends_a_message(wheel: Path, tmp_path: Path) -> None:
    """Installed by itself, and used from elsewhere."""
    folder = tmp_path / "installed"
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        "--target",
        str(folder),
        str(wheel),
    ]
    subprocess.run(command, check=True, capture_output=True)
    script = (
        "import anyio, iletimerkezi_async\n"
        "from iletimerkezi_async import Iys\n"
        "from iletimerkezi_async.sandbox import Sandbox\n"
        "async def main():\n"
        "    async with Sandbox().client(sender='FIRMA', iys=Iys.OFF) as client:\n"
        "        print(iletimerkezi_async.__file__, await client.send_sms('Kodunuz 1234', '5301234567'))\n"
        "anyio.run(main)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path, env=environment
    )
    assert done.stdout.startswith(str(folder))
    assert "Order(id=" in done.stdout
