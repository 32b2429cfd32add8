"""A store's file that is gone: nothing is sent by what is written where no other process looks."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from iletimerkezi_async import AsyncClient, Iys, StoreError
from iletimerkezi_async.sandbox import Sandbox
from iletimerkezi_async.stores import SqliteStore

pytestmark = pytest.mark.anyio

ALI = "+905301234567"


def remove(path: Path) -> None:
    path.unlink()


def move(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))


def replace(path: Path) -> None:
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes())
    copy.replace(path)


@pytest.mark.skipif(os.name == "nt", reason="an open file cannot be removed there")
@pytest.mark.parametrize("lose", [remove, move, replace])
async def test_a_store_whose_file_is_gone_says_so(tmp_path: Path, lose: Callable[[Path], None]) -> None:
    """The next process would make, or have, another one: the same key would be sent once in each."""
    path = tmp_path / "sends.db"
    sandbox = Sandbox()

    def client_of(store: SqliteStore) -> AsyncClient:
        return sandbox.client(sender="FIRMA", iys=Iys.OFF, rate=None, store=store)

    async with SqliteStore(path) as store, client_of(store) as client:
        await client.send_sms("Bir", ALI, key="a")
        lose(path)
        with pytest.raises(StoreError, match="moved, replaced or removed"):
            await client.send_sms("Iki", ALI, key="b")
        with pytest.raises(StoreError, match="moved, replaced or removed"):
            await client.find_send("a")
    async with SqliteStore(path) as store, client_of(store) as client:
        await client.send_sms("Iki", ALI, key="b")
    assert sandbox.deliveries == Counter({ALI: 2})
