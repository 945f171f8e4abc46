"""Owns the part of the API's description that only a team server has: people, and what it says of itself. Pure.

Invariant: every route that only a team server has stands here and nothing else does; a test compares the two.
"""

from __future__ import annotations

import re
from typing import Any

from trackd_service import openapi

_SHAPES: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "truth": {"type": "boolean"},
    "number": {"type": "number"},
    "count": {"type": "integer", "format": "int64", "minimum": 0},
    "object": {"type": "object"},
    "role": {"type": "string", "enum": ["reader", "writer", "admin"]},
    "scope": {"type": "string", "enum": ["read", "write", "admin"]},
}


def _form(fields: str) -> dict[str, Any]:
    """Returns the schema of an object from its fields, `name:shape`, with ? for null and [] for a list."""
    properties: dict[str, Any] = {}
    for each in fields.split():
        name, _, shape = each.partition(":")
        schema = _shape(shape.rstrip("?").removesuffix("[]"))
        if shape.endswith("[]"):
            schema = {"type": "array", "items": schema}
        properties[name] = {"anyOf": [schema, {"type": "null"}]} if shape.endswith("?") else schema
    return {"type": "object", "properties": properties, "required": [*properties]}


def _shape(name: str) -> dict[str, Any]:
    return _SHAPES.get(name) or {"$ref": f"#/components/schemas/{name}"}


_TIMES = "create_time_unix_ms:number? expire_time_unix_ms:number? revoke_time_unix_ms:number?"
_SCHEMAS = {
    "ApiKey": _form(
        f"id:text begins_with:text user:text label:text scope:scope project:text {_TIMES} use_time_unix_ms:number?"
    ),
    "Membership": _form("name:text role:role"),
    "Member": _form("user:text role:role"),
    "Team": _form("name:text create_time_unix_ms:number member_count:count project_count:count"),
    "User": _form(
        "name:text display_name:text has_password:truth issuer:text? is_server_admin:truth "
        "create_time_unix_ms:number disable_time_unix_ms:number? sign_in_time_unix_ms:number?"
    ),
    "AuditEntry": _form(
        "id:text time_unix_ms:number actor:text address:text action:text subject:text detail:object"
    ),
    "OtherSite": _form("title:text"),
}
_ME = (
    "user:text display_name:text has_password:truth is_server_admin:truth scope:scope project:text way:text "
    "key_id:text expire_time_unix_ms:number? teams:Membership[]"
)
_OPEN: list[dict[str, Any]] = []  # what is asked of whoever asks: nothing
# Method, path, what it does, the body's fields, the answer's fields, and optional names of the body and the query.
_ROUTES: tuple[tuple[str, str, str, str | None, str, str], ...] = (
    (
        "get", "server", "Tells daemons where they are served.",
        None, "version:text protocol_version:count url:text grpc_address:text", "",
    ),
    ("get", "sign-in", "Tells which ways in there are.", None, "password:truth oidc:OtherSite?", ""),
    ("post", "session", "Signs in: the answer sets the session's cookie.", "name:text password:text", "user:text", ""),
    ("delete", "session", "Signs out.", None, "", ""),
    ("get", "oidc/begin", "Sends a browser to the OpenID Connect provider.", None, "", "to"),
    ("get", "oidc/callback", "Signs in whom the provider has sent back.", None, "", "code state iss error"),
    ("get", "me", "Tells who asks, and by what.", None, _ME, ""),
    ("put", "me/password", "Changes one's password.", "former:text password:text", "", ""),
    ("delete", "me/sessions", "Ends all of one's sessions.", None, "", ""),
    ("get", "me/keys", "Lists one's keys, newest first.", None, "keys:ApiKey[]", ""),
    (
        "post", "me/keys", "Makes a key, whose text is in this answer alone.",
        "label:text scope:scope project:text lifetime_days:count?", "key:ApiKey text:text",
        "label scope project lifetime_days",
    ),
    ("get", "keys", "Lists everybody's keys.", None, "keys:ApiKey[]", ""),
    ("delete", "keys/{key}", "Makes a key useless for good.", None, "", ""),
    ("get", "teams", "Lists one's teams; all for server admins.", None, "teams:Team[]", ""),
    ("post", "teams", "Makes a team.", "name:text", "", ""),
    ("get", "teams/{team}", "Lists members and projects of a team.", None, "name:text members:Member[] projects:text[]", ""),
    ("put", "teams/{team}/members/{user}", "Gives a user a role in a team.", "role:role", "", ""),
    ("delete", "teams/{team}/members/{user}", "Takes a user out of a team.", None, "", ""),
    ("put", "teams/{team}/projects/{project}", "Gives a project to a team.", None, "", ""),
    ("get", "users", "Lists all users.", None, "users:User[]", ""),
    (
        "post", "users", "Makes a user.",
        "name:text display_name:text password:text? identity:object? is_server_admin:truth", "user:User",
        "display_name password identity is_server_admin",
    ),
    (
        "patch", "users/{user}", "Shuts a user out, lets one in, makes a server admin.",
        "is_disabled:truth is_server_admin:truth", "user:User", "is_disabled is_server_admin",
    ),
    ("put", "users/{user}/password", "Gives a user another password.", "password:text", "", ""),
    (
        "put", "users/{user}/identity", "Gives a user an identity in the place of the password.",
        "issuer:text subject:text", "", "",
    ),
    (
        "get", "audit", "Answers what was changed, newest first.",
        None, "entries:AuditEntry[]", "limit by action subject before",
    ),
)  # fmt: skip


def document(version: str) -> dict[str, Any]:
    """Returns the OpenAPI 3.1 document of a team server's API."""
    made = openapi.document(version)
    paths, components = made["paths"], made["components"]
    for path, summary in (
        ("/health", "Says that the process lives."),
        ("/ready", "Says whether requests are answered with what all replicas know."),
        ("/metrics", "Tells Prometheus how this replica is; for keys of server admins."),
    ):
        answer = {"description": "The answer.", "content": {"text/plain": {"schema": _SHAPES["text"]}}}
        security = {} if path == "/metrics" else {"security": _OPEN}
        paths[path] = {"get": {"summary": summary, **security, "responses": {"200": answer}}}
    for method, path, summary, sent, answered, optional in _ROUTES:
        route = paths.setdefault(f"/api/v1/{path}", {})
        route[method] = _route(path, summary, sent, answered, optional.split())
    components["schemas"] |= _SCHEMAS
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": "trackd_session"},
    }
    made["security"] = [{"key": []}, {"session": []}]
    return made


def _route(path: str, summary: str, sent: str | None, answered: str, optional: list[str]) -> dict[str, Any]:
    json = "application/json"
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _SHAPES["text"]}
        for name in re.findall(r"{(\w+)}", path)
    ]
    route: dict[str, Any] = {"summary": summary}
    if sent is None:
        parameters += [{"name": name, "in": "query", "schema": _SHAPES["text"]} for name in optional]
    else:
        schema = _form(sent)
        schema["required"] = [name for name in schema["properties"] if name not in optional]
        route["requestBody"] = {"required": True, "content": {json: {"schema": schema}}}
    if parameters:
        route["parameters"] = parameters
    is_open = path in ("sign-in", "session") or path.startswith("oidc/")
    if is_open:
        route["security"] = _OPEN
    good = {"description": "done", "content": {json: {"schema": _form(answered)}}}
    found = {"303": {"description": "the browser goes on"}} if path.startswith("oidc/") else {"200": good}
    error = {"description": "refused", "content": {json: {"schema": _shape("Error")}}}
    route["responses"] = {**found, "default": error}
    return route
