"""Who is let in: programs on this machine, and no web page that a browser on it happens to show."""

from collections.abc import Iterator

import httpx
import pytest
from canned import NO_TLS
from sandbox_wire import body, order

from iletimerkezi_async.sandbox import Sandbox

FORM = "application/x-www-form-urlencoded"
SIMPLE_TYPES = [FORM, "text/plain;charset=UTF-8", "multipart/form-data; boundary=x", ""]


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Sandbox, str]]:
    """A sandbox that is served, and the address of its server."""
    sandbox = Sandbox()
    with sandbox.serve() as url:
        yield sandbox, url.removesuffix("/v1")


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    """A client that adds nothing of its own."""
    with httpx.Client(trust_env=False, verify=NO_TLS) as client:
        yield client


def port(url: str) -> str:
    """Return the port of an address."""
    return url.rpartition(":")[2]


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "127.8.9.1", "[::1]"])
@pytest.mark.parametrize("with_port", [False, True])
def test_loopback_names(served: tuple[Sandbox, str], http: httpx.Client, name: str, *, with_port: bool) -> None:
    """Each name of the loopback is served, the pages and the service."""
    _, url = served
    host = f"{name}:{port(url)}" if with_port else name
    assert http.post(f"{url}/v1/get-balance/json", content=body(), headers={"Host": host}).status_code == 200
    assert http.get(url, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "rebound.example",
        "localhost.rebound.example",
        "127.0.0.1.rebound.example",
        "rebound.example:80",
        "192.168.0.1",
        "0.0.0.0",
        "[::]",
        "[::1",
        "::1",
        "localhost@rebound.example",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/", "/orders/42800001", "/v1/send-sms/json", "/v1/send-sms", "/favicon.ico", "/x"])
def test_other_names(served: tuple[Sandbox, str], http: httpx.Client, host: str, path: str) -> None:
    """A name that is not of the loopback was bound to it by somebody else: nothing is shown, done or noted."""
    sandbox, url = served
    before = (sandbox.requests, sandbox.orders)
    for method in ("GET", "POST"):
        answer = http.request(method, url + path, content=body(order=order(text="kedi")), headers={"Host": host})
        assert answer.status_code == 421
        assert "localhost" in answer.text
    assert (sandbox.requests, sandbox.orders) == before


@pytest.mark.parametrize("content_type", [*SIMPLE_TYPES, "application/json", "text/xml"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://page.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Origin": "http://127.0.0.1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
        {"Referer": "https://page.example/form.html"},
        {"Origin": "https://page.example", "Sec-Fetch-Site": "none"},
    ],
)
def test_posts_of_web_pages(
    served: tuple[Sandbox, str], http: httpx.Client, content_type: str, headers: dict[str, str]
) -> None:
    """Whatever a page of another origin can post, as a form or with a script, is not taken."""
    sandbox, url = served
    before = (sandbox.requests, sandbox.orders)
    posted = body(order=order(text="kedi"))
    answer = http.post(f"{url}/v1/send-sms/json", content=posted, headers={"Content-Type": content_type, **headers})
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers
    assert (sandbox.requests, sandbox.orders) == before


def test_preflight(served: tuple[Sandbox, str], http: httpx.Client) -> None:
    """A page that asks first whether it may is told no."""
    _, url = served
    headers = {"Origin": "https://page.example", "Access-Control-Request-Method": "POST"}
    answer = http.options(f"{url}/v1/send-sms/json", headers=headers)
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("content_type", SIMPLE_TYPES)
def test_programs(http: httpx.Client, content_type: str) -> None:
    """A program has no Origin, and is served with any content type."""
    sandbox = Sandbox()
    headers = {"Content-Type": content_type} if content_type else {}
    with sandbox.serve() as url:
        answer = http.post(f"{url}/send-sms/json", content=body(order=order()), headers=headers)
    assert (answer.status_code, len(sandbox.orders)) == (200, 1)


def test_own_pages(served: tuple[Sandbox, str], http: httpx.Client) -> None:
    """A request from the sandbox's own address, or from the address bar, is served."""
    _, url = served
    for headers in ({"Origin": url}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Referer": url}):
        assert http.post(f"{url}/v1/get-balance/json", content=body(), headers=headers).status_code == 200
        assert http.get(url, headers=headers).status_code == 200


def test_links_to_the_pages(served: tuple[Sandbox, str], http: httpx.Client) -> None:
    """A link from elsewhere shows a page to the person; nothing else of it can be loaded by another one."""
    _, url = served
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    answer = http.get(url, headers=link | {"Referer": "https://page.example/"})
    assert answer.status_code == 200
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    for headers in (
        link | {"Sec-Fetch-Dest": "iframe"},
        link | {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://page.example"},
    ):
        assert http.get(url, headers=headers).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        {"Referer": "https://page.example/"},
    ],
)
def test_links_to_an_order(served: tuple[Sandbox, str], http: httpx.Client, headers: dict[str, str]) -> None:
    """An order in an address is no page: what a page of another origin links to or loads sends nothing."""
    sandbox, url = served
    before = (sandbox.requests, sandbox.orders)
    query = "key=demo&hash=demo&text=kedi&receipents=5301234567&sender=FIRMA&iys=0"
    for path in ("/v1/send-sms/get/", "/v1/send-sms/get"):
        assert http.get(f"{url}{path}?{query}", headers=headers).status_code == 403
    assert (sandbox.requests, sandbox.orders) == before


def test_a_long_post_is_read_before_it_is_refused(served: tuple[Sandbox, str], http: httpx.Client) -> None:
    """The connection goes on after a refusal, also where the body is long."""
    _, url = served
    answer = http.post(f"{url}/v1/send-sms/json", content=b" " * 5_000_000, headers={"Origin": "https://page.example"})
    assert answer.status_code == 403
    assert http.post(f"{url}/v1/get-balance/json", content=body()).status_code == 200
