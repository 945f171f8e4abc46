"""Owns a question by HTTP: the answer to it, or one sentence.

Invariant: a key goes to the address that it is for and is never sent on to another one.
"""

from __future__ import annotations

import http
import http.client
import json
import urllib.error
import urllib.request
from typing import Any

from trackd.errors import CommError

_SENTENCE_BYTES_MAX = 1 << 20


def get(
    address: str, path: str, key: str, *handlers: urllib.request.BaseHandler, timeout_seconds: float | None
) -> Any:
    """Returns the answer to a GET, to be read and closed.

    Args:
        address: Whom to ask, with a scheme that was checked.
        path: What for, with the query.
        key: What lets the question in.
        handlers: How the address is reached, such as without a proxy.
        timeout_seconds: For how long nothing may come; None for any time.

    Raises:
        CommError: there is none, or a refusal, in its own words.
    """
    request = urllib.request.Request(  # noqa: S310 - the scheme is the caller's
        address + path, headers={"Authorization": f"Bearer {key}", "User-Agent": "trackd"}
    )
    opener = urllib.request.build_opener(_NoRedirect(), *handlers)
    try:
        return opener.open(request, timeout=timeout_seconds)
    except urllib.error.HTTPError as error:
        raise CommError(_sentence(address, error)) from None
    except (OSError, http.client.HTTPException) as error:
        raise CommError(f"{address} cannot be reached: {getattr(error, 'reason', None) or error}") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _sentence(address: str, error: urllib.error.HTTPError) -> str:
    with error:
        try:
            message = json.loads(error.read(_SENTENCE_BYTES_MAX))["error"]["message"]
        except (OSError, ValueError, KeyError, TypeError):
            return f"{address} answers {error.code}, as trackd does not: look at the address"
    is_key = error.code in (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN)
    return f"{address} refuses the key: {message}" if is_key else str(message)
