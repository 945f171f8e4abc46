"""Owns an OpenID Connect provider for tests: real HTTP, real keys, real tokens, and every way of getting one wrong.

It signs everybody in as `person`, gives a code once, and checks what is sent for it as the standard asks: client, redirect
address and PKCE. What a test puts into `tamper` changes the claims; `sign` replaces how they are signed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from joserfc import jwk, jwt

CLIENT_ID = "trackd"
CLIENT_SECRET = "a secret of the client: 100% & +"
SECOND = 10**9
Claims = dict[str, Any]


class Provider:
    """A provider that listens on the loopback."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self.key: Any = new_key("one")
        self.published: list[Any] = [self.key]
        self.person: Claims = {"sub": "subject-of-ada", "email": "ada@example.org", "email_verified": True}
        self.user: Claims | None = None  # what the address of users says; the person, where it is None
        self.tamper: Callable[[Claims], Claims] = lambda claims: claims
        self.sign: Callable[[Claims], str] = self.signed
        self.change_metadata: Callable[[Claims], Claims] = lambda metadata: metadata
        self.refused: list[str] = []
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}
        self.issuer = ""

    def signed(self, claims: Claims) -> str:
        """Returns a token as a provider signs it."""
        return str(jwt.encode({"alg": "ES256", "kid": self.key.kid}, claims, self.key, algorithms=["ES256"]))

    def visit(self, url: str) -> dict[str, str]:
        """Goes where a browser is sent, signs in there, and returns what the browser brings back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT_ID
        assert "openid" in asked["scope"].split()
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        return {"code": code, "state": asked["state"], "iss": self.issuer}

    def metadata(self) -> Claims:
        return self.change_metadata(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "userinfo_endpoint": f"{self.issuer}/user",
                "jwks_uri": f"{self.issuer}/keys",
                "authorization_response_iss_parameter_supported": True,
            }
        )

    def exchange(self, fields: dict[str, str], authorization: str) -> tuple[int, Claims]:
        """Answers what is sent for a code."""
        name, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        asked = self._codes.pop(fields.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(fields["code_verifier"].encode()).digest())
        if (unquote(name), unquote(secret)) != (CLIENT_ID, CLIENT_SECRET):
            return self._refuse("invalid_client")
        if asked is None or fields["redirect_uri"] != asked["redirect_uri"]:
            return self._refuse("invalid_grant")
        if challenge.rstrip(b"=").decode() != asked["code_challenge"]:
            return self._refuse("invalid_grant")
        now = self._clock() // SECOND
        claims = {
            "iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": asked["nonce"], **self.person,
        }  # fmt: skip
        token = self.sign(self.tamper(claims))
        return 200, {"id_token": token, "access_token": "an-access-token", "token_type": "Bearer"}

    def _refuse(self, error: str) -> tuple[int, Claims]:
        self.refused.append(error)
        return 400, {"error": error, "error_description": "not so"}


def new_key(kid: str) -> Any:
    return jwk.ECKey.generate_key("P-256", {"kid": kid, "use": "sig"})


@contextmanager
def running(clock: Callable[[], int]) -> Iterator[Provider]:
    """Gives a provider that answers."""
    provider = Provider(clock)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            provider.asked.append(path)
            if path == "/.well-known/openid-configuration":
                self._answer(200, provider.metadata())
            elif path == "/keys":
                self._answer(200, {"keys": [key.as_dict(private=False) for key in provider.published]})
            elif path == "/user" and self.headers["Authorization"] == "Bearer an-access-token":
                self._answer(200, provider.person if provider.user is None else provider.user)
            elif path == "/elsewhere":
                self.send_response(302)
                self.send_header("Location", f"{provider.issuer}/keys")
                self.end_headers()
            else:
                self._answer(404, {"error": "none"})

        def do_POST(self) -> None:
            provider.asked.append(self.path)
            sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
            fields = {name: values[0] for name, values in parse_qs(sent).items()}
            self._answer(*provider.exchange(fields, self.headers["Authorization"]))

        def _answer(self, status: int, document: Claims) -> None:
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def address_with(path: str, **query: str) -> str:
    return f"{path}?{urlencode(query)}"
