"""Owns sign-in by another site, with OpenID Connect: the authorization code flow with PKCE, over one provider.

    browser ── begin ──▶ provider ── code, state ──▶ callback ── code, verifier ──▶ provider ── ID token ──▶ who it is

Invariants: what a browser comes back with is believed only if the same browser was sent (state and nonce stand in its
cookie, for ten minutes); an ID token only if the provider's published key signed it, for us, for this sign-in, and it has not
expired; a key comes from the provider's own list and never from the token; the provider is asked over TLS, or on this
machine; no error and no log holds a code, a token or the client's secret. Nothing is kept that another replica would need.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import re
import secrets
import threading
import unicodedata
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from trackd_service.errors import AlreadyExists, Unauthenticated
from trackd_service.people import People
from trackd_service.principals import Operator
from trackd_service.sessions import NewSession
from trackd_service.users import DISPLAY_NAME_CHARACTERS_MAX, Identity, is_subject

_log = logging.getLogger("trackd.oidc")
_SECOND = 10**9
COOKIE_SECONDS = 600
TITLE = "Sign in with OpenID Connect"
# Public keys alone: a secret that both know, and none at all, would let others sign.
ALGORITHMS = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
)
_KEY_TYPES = ("RSA", "EC", "OKP")
_SCOPE = "openid email profile"
_ANSWER_SECONDS = 10.0
_ANSWER_BYTES_MAX = 1 << 20
_METADATA_SECONDS = 3600
_KEYS_AGAIN_SECONDS = (
    60  # a token with a key that is not known has the list asked for again, and no more often
)
_CLOCK_SECONDS = 60  # that the provider's clock may be ahead or behind
_TO_CHARACTERS_MAX = 1500  # a cookie holds 4 kB
_NAME_TRIES = 50
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class SignInFailed(Exception):
    """Nobody comes in; `problem` says why in one word, which the sign-in page has a sentence for."""

    def __init__(self, problem: str, reason: str = "") -> None:
        """Takes the word, and what the log says, which holds no secret."""
        super().__init__(reason or problem)
        self.problem = problem
        if reason:
            _log.warning("nobody was signed in: %s", reason)


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """How the provider is reached, and whom it lets in.

    Attributes:
        issuer: The provider's address, as it names itself.
        client_id: Our name there.
        client_secret: Our secret there.
        title: What the button of the sign-in page says.
        makes_users: Whether somebody whom nobody knows yet becomes a user.
        email_domains: Only those with a proven e-mail address there do; empty for all whom the provider knows.
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    title: str = TITLE
    makes_users: bool = False
    email_domains: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises ValueError, one sentence, for what cannot be."""
        if (
            not _is_safe(self.issuer)
            or not is_subject(self.issuer)
            or "?" in self.issuer
            or "#" in self.issuer
        ):
            raise ValueError(
                f"the OpenID Connect issuer is {self.issuer[:80]!r}; it can be an https:// address (http:// on this "
                "machine alone): take it as the provider names itself"
            )
        if not self.client_id or not self.client_secret:
            raise ValueError(
                "OpenID Connect needs a client id and a client secret: take both from the provider, where this server "
                "is registered"
            )
        if not 1 <= len(self.title) <= 60 or not self.title.isprintable():
            raise ValueError(
                f"the title of the OpenID Connect button has {len(self.title)} characters; it can have 1 to 60"
            )
        if self.email_domains and not self.makes_users:
            raise ValueError("e-mail domains say who becomes a user: they need that users are made")
        for domain in self.email_domains:
            if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", domain):
                raise ValueError(f"e-mail domain {domain[:80]!r} is none; it can be such as example.org")


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where a browser is sent, and the cookie that it keeps meanwhile."""

    url: str = field(repr=False)
    cookie: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as the provider has just proved."""

    identity: Identity
    email: str = ""
    is_email_proven: bool = False
    wished_name: str = ""
    display_name: str = ""


@dataclass(frozen=True, slots=True)
class _Metadata:
    """What the provider says of itself."""

    authorization_url: str
    token_url: str
    keys_url: str
    user_url: str
    sends_issuer: bool
    takes_secret_in_body: bool
    time: int


class Oidc:
    """Signs persons in by the provider. Its calls wait for it, and belong into threads; any may use it."""

    def __init__(self, settings: OidcSettings, redirect_url: str, clock: Callable[[], int]) -> None:
        """Takes how the provider is reached, where it sends browsers back to, and nanoseconds since 1970 UTC."""
        self._settings = settings
        self._redirect_url = redirect_url
        self._clock = clock
        self._lock = threading.Lock()
        self._metadata: _Metadata | None = None
        self._keys: tuple[Any, ...] = ()
        self._keys_time = 0

    @property
    def title(self) -> str:
        """What the button says."""
        return self._settings.title

    def begin(self, to: str) -> Beginning:
        """Returns where to send a browser, which will come back and go on to a place of the app.

        Raises:
            SignInFailed: The provider cannot be asked.
        """
        metadata = self._known_metadata()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = _base64(hashlib.sha256(verifier.encode()).digest())
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._redirect_url,
            "scope": _SCOPE,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        kept = {
            "state": state,
            "nonce": nonce,
            "verifier": verifier,
            "time": self._clock(),
            "to": _place(to),
        }
        separator = "&" if urlsplit(metadata.authorization_url).query else "?"
        return Beginning(
            metadata.authorization_url + separator + urlencode(query), _base64(json.dumps(kept).encode())
        )

    def place_of(self, cookie: str) -> str:
        """Returns the place of the app that a browser asked for, by the cookie that it brings back."""
        return _place(str(_read_cookie(cookie).get("to", "/")))

    def finish(self, cookie: str, parameters: Mapping[str, str]) -> Person:
        """Returns who has come back from the provider.

        Args:
            cookie: As `begin` has made it.
            parameters: Of the address that the provider has sent the browser to.

        Raises:
            SignInFailed: It does not fit together, or the provider does not say who it is.
        """
        kept = _read_cookie(cookie)
        began = kept.get("time")
        if not isinstance(began, int) or not 0 <= self._clock() - began <= COOKIE_SECONDS * _SECOND:
            raise SignInFailed("expired")
        if not _is_same(kept.get("state"), parameters.get("state")):
            raise SignInFailed("expired", "the state is not that of the sign-in which this browser began")
        metadata = self._known_metadata()
        issuer = parameters.get("iss")
        if (issuer is not None or metadata.sends_issuer) and issuer != self._settings.issuer:
            raise SignInFailed("provider", "the answer names another issuer")
        if "error" in parameters:
            raise SignInFailed("refused", f"the provider refused: {_word(parameters['error'])}")
        answered = self._exchange(metadata, parameters.get("code", ""), str(kept.get("verifier", "")))
        claims = self._claims(metadata, answered.get("id_token"), kept.get("nonce"))
        return self._person(metadata, claims, answered.get("access_token"))

    def session_of(self, people: People, person: Person, address: str) -> NewSession:
        """Begins the session of a person, who becomes a user first where that is wanted.

        Raises:
            SignInFailed: The person is no user, and does not become one.
        """
        if self._settings.makes_users and not people.users.has_identity(person.identity):
            self._make_user(people, person, address)
        try:
            return people.sessions.sign_in_identity(person.identity, address, person.email)
        except Unauthenticated:
            raise SignInFailed("unknown") from None

    def _make_user(self, people: People, person: Person, address: str) -> None:
        domains = self._settings.email_domains
        domain = person.email.rpartition("@")[2].lower()
        if domains and not (person.is_email_proven and domain in domains):
            raise SignInFailed("domain", f"domain {domain[:80]!r} is none of those whose people become users")
        actor = Operator("@oidc", address, "oidc")
        wished = _user_name(person)
        for number in range(_NAME_TRIES):
            name = wished if number == 0 else f"{wished}-{number + 1}"
            try:
                people.users.create(actor, name, display_name=person.display_name, identity=person.identity)
            except AlreadyExists:
                if people.users.has_identity(person.identity):
                    return  # by another sign-in of theirs, at the same moment
            else:
                return
        raise SignInFailed("unknown", f"{_NAME_TRIES} users are called {wished!r} or so")

    # -- the provider ----------------------------------------------------------------------------------------------

    def _known_metadata(self) -> _Metadata:
        with self._lock:
            known = self._metadata
        if known is not None and 0 <= self._clock() - known.time < _METADATA_SECONDS * _SECOND:
            return known
        issuer = self._settings.issuer
        document = _ask(issuer.rstrip("/") + "/.well-known/openid-configuration")
        if document.get("issuer") != issuer:
            raise SignInFailed(
                "provider",
                f"the provider calls itself {str(document.get('issuer'))[:80]!r}, not {issuer!r}: name it so",
            )
        methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        found = _Metadata(
            authorization_url=_address(document, "authorization_endpoint"),
            token_url=_address(document, "token_endpoint"),
            keys_url=_address(document, "jwks_uri"),
            user_url=_address(document, "userinfo_endpoint") if "userinfo_endpoint" in document else "",
            sends_issuer=document.get("authorization_response_iss_parameter_supported") is True,
            takes_secret_in_body="client_secret_basic" not in methods and "client_secret_post" in methods,
            time=self._clock(),
        )
        with self._lock:
            self._metadata = found
        return found

    def _exchange(self, metadata: _Metadata, code: str, verifier: str) -> dict[str, Any]:
        """Returns what the provider gives for a code, which it takes once."""
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_url,
            "code_verifier": verifier,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        name, secret = self._settings.client_id, self._settings.client_secret
        if metadata.takes_secret_in_body:
            fields |= {"client_id": name, "client_secret": secret}
        else:
            pair = f"{quote(name, safe='')}:{quote(secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return _ask(metadata.token_url, urlencode(fields).encode(), headers)

    def _claims(self, metadata: _Metadata, token: Any, nonce: Any) -> dict[str, Any]:
        """Returns what an ID token says, if it is the provider's, for us, for this sign-in, and for now."""
        claims = self._signed(metadata, token)
        now, client_id = self._clock() / _SECOND, self._settings.client_id
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        expires, issued = claims.get("exp"), claims.get("iat")
        if claims.get("iss") != self._settings.issuer:
            raise SignInFailed("provider", "the ID token is of another issuer")
        if client_id not in audiences or claims.get("azp", client_id) != client_id:
            raise SignInFailed("provider", "the ID token is for somebody else")
        if len(audiences) > 1 and "azp" not in claims:
            raise SignInFailed("provider", "the ID token is for several, and does not say for whom first")
        if not isinstance(expires, (int, float)) or expires <= now - _CLOCK_SECONDS:
            raise SignInFailed("provider", "the ID token has expired: compare the clocks of both machines")
        if not isinstance(issued, (int, float)) or issued > now + _CLOCK_SECONDS:
            raise SignInFailed(
                "provider", "the ID token is of the future: compare the clocks of both machines"
            )
        if not _is_same(nonce, claims.get("nonce")):
            raise SignInFailed("provider", "the ID token is not for the sign-in which this browser began")
        return claims

    def _signed(self, metadata: _Metadata, token: Any) -> dict[str, Any]:
        """Returns the claims of a token that a key of the provider has signed."""
        from joserfc import jwt
        from joserfc.errors import JoseError

        if not isinstance(token, str):
            raise SignInFailed("provider", "the provider gave no ID token")
        header = _header(token)
        if header.get("alg") not in ALGORITHMS:
            raise SignInFailed("provider", f"the ID token is signed by {_word(header.get('alg'))}")
        for key in self._keys_of(metadata, header.get("kid")):
            try:
                claims = jwt.decode(token, key, algorithms=list(ALGORITHMS)).claims
            except (JoseError, ValueError, TypeError):
                continue
            if isinstance(claims, dict):
                return claims
        raise SignInFailed("provider", "no key of the provider has signed the ID token")

    def _keys_of(self, metadata: _Metadata, kid: Any) -> list[Any]:
        """Returns the provider's keys that a token may be signed with, by the name of the key if it has one."""
        with self._lock:
            keys, age = self._keys, (self._clock() - self._keys_time) // _SECOND
        found = [key for key in keys if kid is None or key.kid == kid]
        # A key that the provider has taken from its list signs nothing any more.
        if 0 <= age < (_METADATA_SECONDS if found else _KEYS_AGAIN_SECONDS):
            return found
        keys = _import_keys(_ask(metadata.keys_url))
        with self._lock:
            self._keys, self._keys_time = keys, self._clock()
        return [key for key in keys if kid is None or key.kid == kid]

    def _person(self, metadata: _Metadata, claims: dict[str, Any], access_token: Any) -> Person:
        subject = claims.get("sub")
        if not isinstance(subject, str) or not is_subject(subject):
            raise SignInFailed("provider", "the ID token names nobody")
        said = claims
        is_wanted = self._settings.makes_users and "email" not in claims
        if is_wanted and metadata.user_url and isinstance(access_token, str):
            # Many providers say no more in the token than who it is.
            more = _ask(metadata.user_url, None, {"Authorization": f"Bearer {access_token}"})
            if more.get("sub") != subject:
                raise SignInFailed("provider", "the provider tells of somebody else than the ID token")
            said = more
        return Person(
            Identity(self._settings.issuer, subject),
            _text(said, "email"),
            said.get("email_verified") is True or said.get("email_verified") == "true",
            _text(said, "preferred_username"),
            _text(said, "name")[:DISPLAY_NAME_CHARACTERS_MAX],
        )


def _is_safe(url: str) -> bool:
    """Says whether what is sent to an address stays between the two: by TLS, or within this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    if not host or parts.username or not url.isprintable() or " " in url:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)


def _address(document: dict[str, Any], name: str) -> str:
    url = document.get(name)
    if not isinstance(url, str) or not _is_safe(url):
        raise SignInFailed("provider", f"{name} of the provider is no https:// address")
    return url


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Returns nothing: what is sent is for the address that the provider has named alone."""


def _ask(url: str, data: bytes | None = None, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Asks the provider for a JSON object; raises SignInFailed."""
    request = urllib.request.Request(url, data, {"Accept": "application/json", **(headers or {})})  # noqa: S310 - see `_is_safe`
    where = urlsplit(url)._replace(query="").geturl()
    try:
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=_ANSWER_SECONDS) as answer:
            content = answer.read(_ANSWER_BYTES_MAX + 1)
    except urllib.error.HTTPError as error:
        with error:
            said = _refusal(error.read(_ANSWER_BYTES_MAX))
        raise SignInFailed("provider", f"{where} answered {error.code} {said}".rstrip()) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise SignInFailed("provider", f"{where} cannot be asked: {reason}") from None
    if len(content) > _ANSWER_BYTES_MAX:
        raise SignInFailed("provider", f"{where} answered over {_ANSWER_BYTES_MAX} bytes")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise SignInFailed("provider", f"{where} answered no JSON object")
    return document


def _refusal(content: bytes) -> str:
    """Returns the code of an OAuth error; what else there is may repeat what was sent."""
    try:
        return _word(json.loads(content).get("error", ""))
    except (ValueError, RecursionError, AttributeError):
        return ""


def _import_keys(document: dict[str, Any]) -> tuple[Any, ...]:
    """Returns those keys of a provider's list that can sign."""
    from joserfc.errors import JoseError
    from joserfc.jwk import JWKRegistry

    listed = document.get("keys")
    found = []
    for each in listed if isinstance(listed, list) else []:
        if not isinstance(each, dict) or each.get("kty") not in _KEY_TYPES or each.get("use", "sig") != "sig":
            continue
        try:
            found.append(JWKRegistry.import_key(each))
        except (JoseError, ValueError, TypeError, KeyError):
            continue  # of a kind that we do not know: others may do
    return tuple(found)


def _header(token: str) -> dict[str, Any]:
    try:
        encoded = token.split(".", 1)[0]
        header = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise SignInFailed("provider", "the ID token is none")
    return header


def _read_cookie(cookie: str) -> dict[str, Any]:
    try:
        kept = json.loads(base64.urlsafe_b64decode(cookie + "=" * (-len(cookie) % 4)))
    except (ValueError, RecursionError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _place(to: str) -> str:
    """Returns a place of the app: whatever else is asked for, the first page."""
    is_place = to.startswith("/") and to[1:2] not in ("/", "\\") and to.isprintable()
    return to if is_place and len(to) <= _TO_CHARACTERS_MAX else "/"


def _is_same(kept: Any, given: Any) -> bool:
    """Says whether two texts are the same and not empty, in the same time whatever the answer is."""
    if not isinstance(kept, str) or not isinstance(given, str) or not kept:
        return False
    return hmac.compare_digest(kept.encode("utf-8", "replace"), given.encode("utf-8", "replace"))


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) and value.isprintable() else ""


def _word(value: Any) -> str:
    """Returns what the provider has sent as one word for the log."""
    return re.sub(r"[^A-Za-z0-9_.-]", "?", str(value))[:60]


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _user_name(person: Person) -> str:
    """Returns a name that the person may have here, from what they are called there."""
    for called in (person.wished_name, person.email):
        plain = unicodedata.normalize("NFKD", called.partition("@")[0]).encode("ascii", "ignore").decode()
        name = re.sub(r"[^a-z0-9._-]+", "-", plain.lower()).strip("-._")[:60]
        if name:
            return name
    return "user"
