"""Owns the tests of sign-in by another site: what a real provider sends over HTTP, and what an attacker would send."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwk, jwt
from tests.unit.asgi import Client
from tests.unit.oidc_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    Claims,
    Provider,
    address_with,
    new_key,
    running,
)
from tests.unit.people_server import OPERATOR, PASSWORD, Clock, rows
from tests.unit.test_http_people import COOKIE, ME, app_of

from trackd_service.catalog import Catalog
from trackd_service.http_people import API
from trackd_service.oidc import Oidc, OidcSettings, SignInFailed
from trackd_service.people import People
from trackd_service.users import Identity

REDIRECT = "http://server/api/v1/oidc/callback"


@pytest.fixture
def provider(clock: Clock) -> Iterator[Provider]:
    with running(clock) as made:
        yield made


def settings_of(provider: Provider, **fields: Any) -> OidcSettings:
    return OidcSettings(provider.issuer, CLIENT_ID, CLIENT_SECRET, **fields)


@pytest.fixture
def oidc(provider: Provider, clock: Clock) -> Oidc:
    return Oidc(settings_of(provider), REDIRECT, clock)


def come_back(oidc: Oidc, provider: Provider) -> Any:
    """Returns whom a whole way there and back proves."""
    beginning = oidc.begin("/")
    return oidc.finish(beginning.cookie, provider.visit(beginning.url))


def problem(work: Callable[[], Any]) -> str:
    """Returns why nobody comes in."""
    with pytest.raises(SignInFailed) as failed:
        work()
    return f"{failed.value.problem}: {failed.value}"


# -- the flow ------------------------------------------------------------------------------------------------------------


def test_who_comes_back_is_who_signed_in_there(oidc: Oidc, provider: Provider) -> None:
    person = come_back(oidc, provider)
    assert person.identity == Identity(provider.issuer, "subject-of-ada")
    assert person.email == "ada@example.org"
    come_back(oidc, provider)
    assert provider.asked.count("/keys") == provider.asked.count("/.well-known/openid-configuration") == 1


def test_two_sign_ins_share_nothing(oidc: Oidc) -> None:
    one, other = (parse_qs(urlsplit(oidc.begin("/").url).query) for _ in range(2))
    for name in ("state", "nonce", "code_challenge"):
        assert one[name] != other[name]
        assert len(one[name][0]) >= 43  # 256 bits
    assert one["redirect_uri"] == [REDIRECT]


def test_a_wrong_state_is_refused_before_the_provider_is_asked(oidc: Oidc, provider: Provider) -> None:
    mine, attackers = oidc.begin("/"), oidc.begin("/")
    brought = provider.visit(attackers.url)
    assert problem(lambda: oidc.finish(mine.cookie, brought)).startswith("expired: the state")
    for state in ("", None):
        sent = {key: value for key, value in {**brought, "state": state}.items() if value is not None}
        assert problem(lambda sent=sent: oidc.finish(mine.cookie, sent)).startswith("expired: the state")  # type: ignore[misc]
    assert "/token" not in provider.asked


@pytest.mark.parametrize("cookie", ["", "x", "é", "W10", base64.b64encode(b'{"state": ""}').decode()])
def test_a_browser_that_was_not_sent_is_refused(oidc: Oidc, cookie: str) -> None:
    assert problem(lambda: oidc.finish(cookie, {"state": "", "code": "x"})).startswith("expired")
    assert oidc.place_of(cookie) == "/"


def test_a_sign_in_is_over_after_ten_minutes(oidc: Oidc, provider: Provider, clock: Clock) -> None:
    beginning = oidc.begin("/")
    clock.pass_by(601)
    assert problem(lambda: oidc.finish(beginning.cookie, provider.visit(beginning.url))) == "expired: expired"


def test_a_code_is_good_once(oidc: Oidc, provider: Provider) -> None:
    beginning = oidc.begin("/")
    brought = provider.visit(beginning.url)
    oidc.finish(beginning.cookie, brought)
    assert "400 invalid_grant" in problem(lambda: oidc.finish(beginning.cookie, brought))


def test_a_stolen_code_is_of_no_use_in_another_browser(oidc: Oidc, provider: Provider) -> None:
    victims, attackers = oidc.begin("/"), oidc.begin("/")
    stolen, own = provider.visit(victims.url), provider.visit(attackers.url)
    problem(lambda: oidc.finish(attackers.cookie, {**own, "code": stolen["code"]}))
    assert provider.refused == ["invalid_grant"]  # PKCE


def test_a_refusal_of_the_provider_is_told_as_such(oidc: Oidc, provider: Provider) -> None:
    beginning = oidc.begin("/")
    brought = provider.visit(beginning.url)
    refused = {"state": brought["state"], "iss": provider.issuer, "error": "access_denied\n<b>"}
    assert problem(lambda: oidc.finish(beginning.cookie, refused)) == (
        "refused: the provider refused: access_denied??b?"
    )


@pytest.mark.parametrize("issuer", ["https://evil.example", None])
def test_an_answer_of_another_provider_is_refused(oidc: Oidc, provider: Provider, issuer: str | None) -> None:
    beginning = oidc.begin("/")
    brought = {**provider.visit(beginning.url), "iss": issuer}
    sent = {key: value for key, value in brought.items() if value is not None}
    assert "another issuer" in problem(lambda: oidc.finish(beginning.cookie, sent))
    assert "/token" not in provider.asked


# -- tokens --------------------------------------------------------------------------------------------------------------


def without(name: str) -> Callable[[Claims], Claims]:
    return lambda claims: {key: value for key, value in claims.items() if key != name}


def with_(**fields: Any) -> Callable[[Claims], Claims]:
    return lambda claims: {**claims, **fields}


@pytest.mark.parametrize(
    ("tamper", "sentence"),
    [
        (with_(nonce="another"), "not for the sign-in"),
        (without("nonce"), "not for the sign-in"),
        (with_(nonce=None), "not for the sign-in"),
        (with_(aud="somebody-else"), "for somebody else"),
        (with_(aud=["somebody-else"]), "for somebody else"),
        (with_(aud=[CLIENT_ID, "somebody-else"]), "for several"),
        (with_(aud=[CLIENT_ID, "x"], azp="x"), "for somebody else"),
        (with_(azp="somebody-else"), "for somebody else"),
        (without("aud"), "for somebody else"),
        (with_(iss="https://evil.example"), "another issuer"),
        (without("iss"), "another issuer"),
        (lambda claims: {**claims, "exp": claims["iat"] - 61}, "expired"),
        (with_(exp="9999999999"), "expired"),
        (without("exp"), "expired"),
        (lambda claims: {**claims, "iat": claims["iat"] + 90}, "future"),
        (without("iat"), "future"),
        (without("sub"), "names nobody"),
        (with_(sub=7), "names nobody"),
        (with_(sub=""), "names nobody"),
        (with_(sub="x" * 256), "names nobody"),
        (with_(sub="a\0b"), "names nobody"),
    ],
)
def test_a_token_that_is_not_for_this_sign_in_is_refused(
    oidc: Oidc, provider: Provider, tamper: Callable[[Claims], Claims], sentence: str
) -> None:
    come_back(oidc, provider)  # so that the keys are known
    provider.tamper = tamper
    told = problem(lambda: come_back(oidc, provider))
    assert told.startswith("provider: ")
    assert sentence in told


def test_a_token_for_several_that_names_us_first_is_taken(oidc: Oidc, provider: Provider) -> None:
    provider.tamper = with_(aud=[CLIENT_ID, "another"], azp=CLIENT_ID)
    assert come_back(oidc, provider).identity.subject == "subject-of-ada"


def encoded(part: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def unsigned(_: Provider) -> Callable[[Claims], str]:
    return lambda claims: f"{encoded({'alg': 'none'})}.{encoded(claims)}."


def unsigned_in_disguise(provider: Provider) -> Callable[[Claims], str]:
    return lambda claims: f"{encoded({'alg': 'ES256', 'kid': provider.key.kid})}.{encoded(claims)}."


def signed_by_another_key(provider: Provider) -> Callable[[Claims], str]:
    other = new_key(provider.key.kid)
    return lambda claims: jwt.encode({"alg": "ES256", "kid": other.kid}, claims, other, algorithms=["ES256"])


def signed_by_a_key_of_its_own(_: Provider) -> Callable[[Claims], str]:
    """A key that the token itself brings along."""
    other = new_key("mine")
    header = {"alg": "ES256", "jwk": other.as_dict(private=False)}
    return lambda claims: jwt.encode(header, claims, other, algorithms=["ES256"])


def signed_by_a_secret(provider: Provider, secret: bytes) -> Callable[[Claims], str]:
    def sign(claims: Claims) -> str:
        signed = f"{encoded({'alg': 'HS256', 'kid': provider.key.kid})}.{encoded(claims)}"
        return f"{signed}.{base64.urlsafe_b64encode(hmac.digest(secret, signed.encode(), 'sha256')).decode()}"

    return sign


def signed_by_the_public_key_as_a_secret(provider: Provider) -> Callable[[Claims], str]:
    return signed_by_a_secret(provider, provider.key.as_pem(private=False))


def signed_by_the_client_secret(provider: Provider) -> Callable[[Claims], str]:
    return signed_by_a_secret(provider, CLIENT_SECRET.encode())


def with_other_claims(provider: Provider) -> Callable[[Claims], str]:
    def sign(claims: Claims) -> str:
        header, _, signature = provider.signed(claims).split(".")
        return f"{header}.{encoded({**claims, 'sub': 'subject-of-root'})}.{signature}"

    return sign


@pytest.mark.parametrize(
    "forge",
    [
        unsigned,
        unsigned_in_disguise,
        signed_by_another_key,
        signed_by_a_key_of_its_own,
        signed_by_the_public_key_as_a_secret,
        signed_by_the_client_secret,
        with_other_claims,
        lambda _: lambda _claims: "x.y.z",
        lambda _: lambda _claims: "",
    ],
)
def test_a_token_that_the_provider_has_not_signed_is_refused(
    oidc: Oidc, provider: Provider, forge: Callable[[Provider], Callable[[Claims], str]]
) -> None:
    come_back(oidc, provider)
    provider.sign = forge(provider)
    told = problem(lambda: come_back(oidc, provider))
    assert told.startswith("provider: ")


def test_a_key_that_the_provider_has_changed_is_found_and_the_former_forgotten(
    oidc: Oidc, provider: Provider, clock: Clock
) -> None:
    come_back(oidc, provider)
    former, provider.key = provider.key, new_key("two")
    provider.published = [provider.key]
    clock.pass_by(61)
    come_back(oidc, provider)
    provider.key = former
    assert "no key of the provider" in problem(lambda: come_back(oidc, provider))


def test_a_token_with_a_key_that_nobody_knows_does_not_have_the_keys_asked_for_each_time(
    oidc: Oidc, provider: Provider
) -> None:
    come_back(oidc, provider)
    provider.key = new_key("unknown")
    for _ in range(5):
        assert "no key of the provider" in problem(lambda: come_back(oidc, provider))
    assert provider.asked.count("/keys") == 1


@pytest.mark.parametrize("kind", ["RSA", "OKP"])
def test_keys_of_other_kinds_are_known_and_odd_ones_left_out(
    oidc: Oidc, provider: Provider, kind: str
) -> None:
    key: Any = (
        jwk.RSAKey.generate_key(2048, {"kid": "r"})
        if kind == "RSA"
        else jwk.OKPKey.generate_key("Ed25519", {"kid": "r"})
    )
    algorithm = "RS256" if kind == "RSA" else "Ed25519"

    class Odd:
        def as_dict(self, private: bool) -> Any:
            return {"kty": "EC", "crv": "none", "kid": "odd"} if not private else None

    provider.published = [Odd(), key]
    provider.sign = lambda claims: jwt.encode(
        {"alg": algorithm, "kid": "r"}, claims, key, algorithms=[algorithm]
    )
    assert come_back(oidc, provider).identity.subject == "subject-of-ada"


# -- the provider --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (with_(issuer="https://evil.example"), "calls itself"),
        (with_(token_endpoint="http://evil.example/token"), "token_endpoint of the provider"),
        (with_(jwks_uri="file:///etc/passwd"), "jwks_uri of the provider"),
        (without("authorization_endpoint"), "authorization_endpoint of the provider"),
        (with_(authorization_endpoint="javascript:alert(1)"), "authorization_endpoint of the provider"),
    ],
)
def test_a_provider_that_leads_elsewhere_is_not_followed(
    oidc: Oidc, provider: Provider, change: Callable[[Claims], Claims], sentence: str
) -> None:
    provider.change_metadata = change
    assert sentence in problem(lambda: oidc.begin("/"))


def test_a_redirect_of_the_provider_is_not_followed(oidc: Oidc, provider: Provider) -> None:
    provider.change_metadata = with_(jwks_uri=f"{provider.issuer}/elsewhere")
    assert "302" in problem(lambda: come_back(oidc, provider))


def test_a_provider_that_is_away_is_said_to_be(clock: Clock) -> None:
    away = Oidc(OidcSettings("http://127.0.0.1:1", CLIENT_ID, CLIENT_SECRET), REDIRECT, clock)
    assert "cannot be asked" in problem(lambda: away.begin("/"))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"issuer": "http://id.example"}, "https://"),
        ({"issuer": "id.example"}, "https://"),
        ({"issuer": "https://id.example?x"}, "https://"),
        ({"issuer": "https://user:password@id.example"}, "https://"),
        ({"client_id": ""}, "client id"),
        ({"client_secret": ""}, "client secret"),
        ({"title": ""}, "title"),
        ({"email_domains": ("example.org",)}, "they need that users are made"),
        ({"email_domains": ("@x",), "makes_users": True}, "is none"),
    ],
)
def test_settings_that_cannot_be_are_said_in_one_sentence(fields: dict[str, Any], sentence: str) -> None:
    known: dict[str, Any] = {"issuer": "https://id.example", "client_id": "x", "client_secret": "secret-x"}
    OidcSettings(**known)
    with pytest.raises(ValueError, match=r"^[^\n]+$") as told:
        OidcSettings(**{**known, **fields})
    assert sentence in str(told.value)
    assert "secret-x" not in repr(OidcSettings(**known))


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("/p/a%20b?filter=x", "/p/a%20b?filter=x"),
        ("https://evil.example", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/a\r\nSet-Cookie: x", "/"),
        ("/" + "x" * 5000, "/"),
        ("", "/"),
    ],
)
def test_a_sign_in_leads_to_places_of_the_app_alone(oidc: Oidc, to: str, expected: str) -> None:
    assert oidc.place_of(oidc.begin(to).cookie) == expected


# -- over HTTP -----------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
async def _one_thread() -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))


async def go(browser: Client, provider: Provider, to: str = "/p/x?smooth=1") -> str:
    """Goes there and back; returns where the browser is led."""
    began = await browser.ask("GET", address_with(f"{API}/oidc/begin", to=to))
    assert began.status == 303, began
    brought = provider.visit(began.header("location"))
    back = await browser.ask("GET", address_with(f"{API}/oidc/callback", **brought))
    assert back.status == 303, back
    assert not any(name.endswith("trackd_oidc") for name in browser.cookies)  # used up
    return back.header("location")


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_user_with_that_identity_comes_in_where_they_wanted_to_go(
    people: People, oidc: Oidc, provider: Provider, scheme: str
) -> None:
    people.users.create(OPERATOR, "ada", identity=Identity(provider.issuer, "subject-of-ada"))
    browser = Client(app_of(people, oidc), scheme)
    ways = (await browser.ask("GET", f"{API}/sign-in")).json
    assert ways["oidc"] == {"title": "Sign in with OpenID Connect"}
    began = await browser.ask("GET", f"{API}/oidc/begin")
    (cookie,) = began.set_cookies()
    assert cookie.startswith("__Host-trackd_oidc=" if scheme == "https" else "trackd_oidc=")
    assert {"httponly", "samesite=lax", "path=/", "max-age=600"} <= {
        part.strip().lower() for part in cookie.split(";")
    }
    assert await go(browser, provider) == "/p/x?smooth=1"
    assert (await browser.ask("GET", ME)).json["user"] == "ada"


async def test_who_is_no_user_is_not_let_in_and_an_admin_finds_who_it_was(
    people: People, oidc: Oidc, provider: Provider
) -> None:
    browser = Client(app_of(people, oidc))
    assert await go(browser, provider) == "/p/x?smooth=1&sign_in_problem=unknown"
    assert COOKIE not in browser.cookies
    (entry,) = people.audit.entries(OPERATOR, action="session.refuse")
    assert entry.detail["identity"] == "subject-of-ada"
    assert entry.detail["email"] == "ada@example.org"
    people.users.create(OPERATOR, "ada", password=PASSWORD)
    assert "unknown" in await go(browser, provider)  # a name is no identity
    people.users.set_identity(OPERATOR, "ada", Identity(provider.issuer, "subject-of-ada"))
    assert await go(browser, provider) == "/p/x?smooth=1"
    people.users.disable(OPERATOR, "ada")
    assert "unknown" in await go(browser, provider)
    assert (await browser.ask("GET", ME)).status == 401


async def test_a_callback_out_of_nowhere_signs_nobody_in(
    people: People, oidc: Oidc, provider: Provider
) -> None:
    people.users.create(OPERATOR, "eve", identity=Identity(provider.issuer, "subject-of-ada"))
    victim = Client(app_of(people, oidc))
    brought = provider.visit(oidc.begin("/").url)  # an attacker's own
    back = await victim.ask("GET", address_with(f"{API}/oidc/callback", **brought))
    assert back.header("location") == "/?sign_in_problem=expired"
    assert COOKIE not in victim.cookies


def maker(provider: Provider, clock: Clock, *domains: str) -> Oidc:
    return Oidc(settings_of(provider, makes_users=True, email_domains=domains), REDIRECT, clock)


async def test_who_comes_the_first_time_becomes_a_user_where_that_is_wanted(
    people: People, provider: Provider, clock: Clock
) -> None:
    provider.person |= {"preferred_username": "Ada.Lovelace@example.org", "name": "Ada \u00c9."}
    people.users.create(OPERATOR, "ada.lovelace", password=PASSWORD)  # another one
    browser = Client(app_of(people, maker(provider, clock)))
    for _ in range(2):
        assert await go(browser, provider) == "/p/x?smooth=1"
        me = (await browser.ask("GET", ME)).json
        assert (me["user"], me["display_name"]) == ("ada.lovelace-2", "Ada \u00c9.")
        assert (me["teams"], me["is_server_admin"], me["has_password"]) == ([], False, False)
    assert [user.name for user in people.users.all(OPERATOR)] == ["ada.lovelace", "ada.lovelace-2"]
    people.users.disable(OPERATOR, "ada.lovelace-2")
    assert "unknown" in await go(browser, provider)  # and becomes no third


@pytest.mark.parametrize(
    ("person", "is_let_in"),
    [
        ({"email": "ada@example.org", "email_verified": True}, True),
        ({"email": "ada@EXAMPLE.org", "email_verified": "true"}, True),
        ({"email": "ada@example.org", "email_verified": False}, False),
        ({"email": "ada@example.org"}, False),
        ({"email": "ada@evil.example", "email_verified": True}, False),
        ({"email": "ada@example.org.evil.example", "email_verified": True}, False),
        ({"email": "ada@evilexample.org", "email_verified": True}, False),
        ({}, False),
    ],
)
async def test_only_proven_addresses_of_the_domains_become_users(
    people: People, provider: Provider, clock: Clock, person: Claims, is_let_in: bool
) -> None:
    provider.person = {"sub": "s", **person}
    browser = Client(app_of(people, maker(provider, clock, "example.org")))
    to = await go(browser, provider, "/")
    assert to == ("/" if is_let_in else "/?sign_in_problem=domain")
    assert len(people.users.all(OPERATOR)) == int(is_let_in)


async def test_an_address_that_the_token_does_not_name_is_asked_for(
    people: People, provider: Provider, clock: Clock
) -> None:
    provider.user = provider.person
    provider.person = {"sub": "subject-of-ada"}
    browser = Client(app_of(people, maker(provider, clock, "example.org")))
    assert await go(browser, provider) == "/p/x?smooth=1"
    provider.person, provider.user = {"sub": "another"}, provider.user
    assert "provider" in await go(browser, provider)  # the two are not the same person


async def test_no_row_and_no_log_holds_a_secret(
    people: People,
    oidc: Oidc,
    provider: Provider,
    catalog: Catalog,
    caplog: pytest.LogCaptureFixture,
) -> None:
    browser = Client(app_of(people, oidc))
    began = await browser.ask("GET", f"{API}/oidc/begin")
    brought = provider.visit(began.header("location"))
    provider.sign = lambda _: "a.secret.token"
    await browser.ask("GET", address_with(f"{API}/oidc/callback", **brought))
    provider.sign = provider.signed
    await go(browser, provider)
    told = rows(catalog) + caplog.text
    assert "nobody was signed in" in told
    for secret in (CLIENT_SECRET, brought["code"], brought["state"], "a.secret.token", "an-access-token"):
        assert secret not in told
