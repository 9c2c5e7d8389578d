"""TLS is checked against the host's name, though the connection goes to an address."""

import shutil
import ssl
import subprocess

import pytest
from fetch_servers import failure, fetched, fetching, fixed, resolving, serving

TLS_HELLO = b"\x16\x03\x01"  # how a client's first record begins
RESOLVER = resolving(site_example="127.0.0.1", other_example="127.0.0.1")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate of site.example, and its key, in one file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make a certificate with")
    path = tmp_path_factory.mktemp("tls") / "site.pem"
    made = "req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -subj /CN=site"
    names = ["-addext", "subjectAltName=DNS:site.example"]
    command = [openssl, *made.split(), *names, "-days", "2", "-keyout", path, "-out", f"{path}.crt"]
    subprocess.run(command, check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + path.with_name("site.pem.crt").read_bytes())
    return path


@pytest.fixture
async def site(certificate):
    asked_for = []
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda _socket, name, _context: asked_for.append(name)
    async with serving(fixed(b"secure"), ssl=context) as server:
        server.asked_for = asked_for
        yield server


@pytest.fixture
def trusting(certificate):
    return ssl.create_default_context(cafile=certificate)


async def test_the_host_s_name_is_asked_for_and_verified(site, trusting, tmp_path):
    async with fetching(site.allowance, resolver=RESOLVER, tls=trusting) as fetcher:
        got = await fetched(fetcher, site.url(host="site.example", scheme="https"), tmp_path)
    assert got.path.read_bytes() == b"secure"
    assert site.asked_for == ["site.example"]


async def test_a_certificate_for_another_name_is_refused(site, trusting, tmp_path):
    async with fetching(site.allowance, resolver=RESOLVER, tls=trusting) as fetcher:
        error = await failure(fetcher, site.url(host="other.example", scheme="https"), tmp_path)
    assert (error.code, error.transient) == ("tls_failed", False)
    assert "other.example" in str(error)
    assert site.requests == []


async def test_a_certificate_that_nobody_vouches_for_is_refused(site, tmp_path):
    async with fetching(site.allowance, resolver=RESOLVER) as fetcher:
        error = await failure(fetcher, site.url(host="site.example", scheme="https"), tmp_path)
    assert (error.code, error.transient) == ("tls_failed", False)
    assert "self-signed" in str(error)
    assert site.requests == []


async def test_the_default_is_to_verify(site, tmp_path):
    async with fetching(site.allowance, resolver=RESOLVER, tls=None) as fetcher:
        error = await failure(fetcher, site.url(host="site.example", scheme="https"), tmp_path)
    assert error.code == "tls_failed"


async def test_a_server_that_speaks_no_tls_has_failed_at_it(tmp_path):
    plain_answer = fixed(status=400)
    async with (
        serving(plain_answer, head_end=TLS_HELLO) as plain,
        fetching(plain.allowance) as fetcher,
    ):
        error = await failure(fetcher, plain.url(scheme="https"), tmp_path)
    assert (error.code, error.transient) == ("tls_failed", True)


async def test_a_redirect_may_change_the_scheme(site, trusting, tmp_path):
    secure = site.url(host="site.example", scheme="https")
    async with serving(fixed(b"", 301, location=secure)) as plain:
        allow = f"{plain.allowance},{site.allowance}"
        async with fetching(allow, resolver=RESOLVER, tls=trusting) as fetcher:
            got = await fetched(fetcher, plain.url(host="site.example"), tmp_path)
    assert (got.final_url, got.path.read_bytes()) == (secure, b"secure")
