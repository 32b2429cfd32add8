"""The sandbox's page and the reference in a real browser; left out where Chromium and its driver are not installed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.wait import WebDriverWait
from waiting import PATIENCE

from iletimerkezi_async import BulkResult, Iys
from iletimerkezi_async.sandbox import Sandbox

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
BUILD = Path(__file__).parent.parent / "reference" / "build_pages.py"
WIDTHS = (320, 768, 1280)
#: The contrasts of texts that are seen with what is behind them, the lowest ones first.
CONTRASTS = """
function channels(color) { return color.match(/[\\d.]+/g).map(Number); }
function light(color) {
  const [r, g, b] = channels(color).map(c => c / 255).map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function ground(element) {
  for (; element; element = element.parentElement) {
    const color = getComputedStyle(element).backgroundColor;
    if ((channels(color)[3] ?? 1) > 0) return color;
  }
  return "rgb(255, 255, 255)";
}
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = new Map();
for (let text = texts.nextNode(); text; text = texts.nextNode()) {
  const parent = text.parentElement;
  if (!text.data.trim() || !parent.getClientRects().length) continue;
  const ink = getComputedStyle(parent).color, behind = ground(parent);
  const [high, low] = [light(ink), light(behind)].sort((a, b) => b - a);
  found.set(`${ink} on ${behind}`, [(high + 0.05) / (low + 0.05), text.data.trim().slice(0, 40)]);
}
return [...found].sort((a, b) => a[1][0] - b[1][0]).slice(0, 3);
"""
#: Words that people look for, and where they are told about.
SOUGHT = {
    "excel": "cli",
    "csv": "cli",
    "DataFrame": "campaigns",
    "pandas": "fill_template",
    "OTP": "orders",
    "webhook": "parse_webhook",
    "celery": "stores",
    "idempotency": "stores",
    "django": "wire",
    "fastapi": "wire",
    "pytest": "pytest_plugin",
    "proxy": "http",
    "logging": "http",
    "notebook": "",
    "balance": "AsyncClient.get_balance",
    "blacklist": "AsyncClient.get_blacklist",
    "schedule": "ScheduleError",
    "cancel": "AsyncClient.cancel_order",
    "xml": "sandbox",
}
LONG = "https://ornek.example/takip?kod=" + "1234567890" * 12

pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="there is no Chromium with its driver")


class Browser:
    """Chromium without a window.

    Args:
        driver: What drives it.
    """

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, url: str) -> None:
        """Go to an address."""
        self.driver.get(url)

    @property
    def text(self) -> str:
        """What can be read on the page, with single spaces."""
        return " ".join(self.driver.execute_script("return document.body.innerText").split())

    def wait_for(self, holds: Callable[[str], bool]) -> None:
        """Wait until the text of the page, as it is, satisfies a condition."""
        WebDriverWait(self.driver, PATIENCE, poll_frequency=0.05).until(lambda _: holds(self.text))

    def resize(self, width: int, scheme: str) -> None:
        """Have a window of this width, and a person who likes it light or dark."""
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        liked = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", liked)

    def check(self) -> None:
        """See that nothing is wider than the window, all of it readable, dark where that is liked, and no error."""
        for width in WIDTHS:
            for scheme in ("light", "dark"):
                self.resize(width, scheme)
                # What moves for a moment after that has arrived.
                self.driver.execute_script("document.getAnimations().forEach(each => each.finish())")
                wide, ground = self.driver.execute_script(
                    "return [document.documentElement.scrollWidth, getComputedStyle(document.body).backgroundColor]"
                )
                where = f"{self.driver.current_url}, {width} px, {scheme}"
                assert wide <= width, f"{wide} px wide: {where}"
                assert all((int(channel) < 64) == (scheme == "dark") for channel in re.findall(r"\d+", ground)), where
                worst = self.driver.execute_script(CONTRASTS)
                assert worst[0][1][0] >= 4.5, (worst, where)
        assert [entry for entry in self.driver.get_log("browser") if entry["level"] != "INFO"] == []


@pytest.fixture(scope="module")
def driver() -> Iterator[webdriver.Chrome]:
    """One browser for all tests here."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    # Without its own sandbox, which root cannot have, and without the small memory that containers share.
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def browser(driver: webdriver.Chrome) -> Iterator[Browser]:
    """The browser, with nothing left of another test."""
    yield Browser(driver)
    driver.get("about:blank")
    driver.get_log("browser")


def send(sandbox: Sandbox, text: str, numbers: range, batch_size: int) -> BulkResult:
    """Send a campaign to numbers of the documents' family."""

    async def campaign() -> BulkResult:
        async with sandbox.client(sender="FIRMA", iys=Iys.OFF, rate=None) as client:
            return await client.send_bulk(text, numbers, batch_size=batch_size)

    return anyio.run(campaign)


def test_the_sandbox_s_pages(browser: Browser) -> None:
    """Whatever is on them, they fit each window, light and dark; what was sent is there."""
    sandbox = Sandbox(
        first_id=42_800_001, blocked=["5309999999"], undelivered=["5301234568"], webhook="http://127.0.0.1:9/sms"
    )
    sandbox.fail("consent/create", "html-502-before", times=1000)
    sandbox.fail("delete-blacklist", "503", retry_after=2.5)
    order = send(sandbox, f"Siparişiniz yola çıktı: {LONG}", range(5301234560, 5301234570), 10).orders[0]
    for operation in ("get-balance", "get-report", "consent/create", LONG):
        sandbox.handle(operation, b"{}")
    sandbox.advance(minutes=1)
    sandbox.call_webhooks_sync()
    with sandbox.serve() as url:
        home = url.removesuffix("v1")
        for path, shown in (("", "1042800001"), (f"orders/{order.id}", "+905301234568")):
            browser.open(home + path)
            assert all(word in browser.text for word in (str(order.id), "Siparişiniz yola çıktı", shown))
            browser.check()
        browser.wait_for(lambda text: "This page updates itself." in text)
    browser.wait_for(lambda text: "The sandbox does not answer" in text)
    assert str(order.id) in browser.text


def test_the_page_of_a_campaign_under_way_moves_by_itself(browser: Browser) -> None:
    """New orders, their counters and their ends are shown on the page that is open, and on that of an order."""
    sandbox = Sandbox(delivery_seconds=3600)
    with sandbox.serve() as url:
        home = url.removesuffix("v1")
        browser.open(home)
        browser.driver.execute_script("window.same = true")
        assert "No order yet." in browser.text
        orders = send(sandbox, "Birinci", range(5301234560, 5301234570), 5).orders
        browser.wait_for(lambda text: all(str(order.id) in text for order in orders))
        sandbox.advance(minutes=30)
        browser.wait_for(lambda text: "sending FIRMA off Birinci 5 2 5" in text)
        assert browser.driver.execute_script("return window.same")
        browser.open(f"{home}orders/{orders[0].id}")
        browser.driver.execute_script("window.same = true")
        assert f"Order {orders[0].id} sending" in browser.text
        sandbox.advance(minutes=31)
        browser.wait_for(lambda text: f"Order {orders[0].id} finished" in text)
        assert browser.driver.execute_script("return window.same")
        assert browser.driver.get_log("browser") == []


def test_what_a_person_does_is_left_alone(browser: Browser) -> None:
    """A link that has the focus keeps it while the page moves; while something is selected, the page stands still."""
    sandbox = Sandbox()
    run = browser.driver.execute_script
    order = send(sandbox, "Birinci", range(5301234560, 5301234561), 1).orders[0]
    with sandbox.serve() as url:
        browser.open(url.removesuffix("v1"))
        run(f"document.querySelector('a[href=\"/orders/{order.id}\"]').focus()")
        send(sandbox, "Ikinci", range(5301234560, 5301234561), 1)
        browser.wait_for(lambda text: "Ikinci" in text)
        assert run("return document.activeElement.getAttribute('href')") == f"/orders/{order.id}"
        run("getSelection().selectAllChildren(document.querySelector('h1'))")
        run("const later = setTimeout; turns = 0; setTimeout = (...given) => { turns += 1; later(...given); }")
        send(sandbox, "Ucuncu", range(5301234560, 5301234561), 1)
        browser.wait_for(lambda _: run("return turns") > 1)
        assert (run("return String(getSelection())"), "Ucuncu" in browser.text) == ("iletimerkezi sandbox", False)
        run("getSelection().removeAllRanges()")
        browser.wait_for(lambda text: "Ucuncu" in text)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the reference, built anew."""
    folder = tmp_path_factory.mktemp("reference")
    subprocess.run([sys.executable, BUILD, folder], check=True)
    return folder


def test_the_reference(browser: Browser, reference: Path) -> None:
    """Each page fits each window and can be read, light and dark; its sidebar leads to all chapters."""
    pages = sorted(reference.rglob("*.html"))
    pages.remove(reference / "index.html")
    titles = {f"iletimerkezi_async.{page.stem}".removesuffix(".iletimerkezi_async") for page in pages}
    for page in pages:
        browser.open(page.as_uri())
        browser.check()
        chapters = "return [...document.querySelectorAll('nav h2:first-of-type + ul a')].map(a => a.href)"
        links = browser.driver.execute_script(chapters)
        assert {url.removesuffix("#") for url in links} == {other.as_uri() for other in pages}
    for url in links:
        browser.open(url)
        titles.remove(browser.driver.find_element("tag name", "h1").text)
    assert not titles


def test_the_search_of_the_reference(browser: Browser, reference: Path) -> None:
    """Words that people look for lead to where they are told about, among the first ten results."""
    for word, found in SOUGHT.items():
        browser.open(f"{(reference / 'iletimerkezi_async/errors.html').as_uri()}?search={word}")
        browser.wait_for(lambda text, word=word: f"for '{word}'" in text)
        names = "return [...document.querySelectorAll('.search-result > a .name')].map(name => name.innerText)"
        assert f"iletimerkezi_async.{found}".removesuffix(".") in browser.driver.execute_script(names), word
    browser.check()
