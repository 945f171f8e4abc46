"""Owns which names speak of secrets, and which values look like one.

Pure. Invariants: a name is read as words, so that what only resembles a telling name is none; no name is read beyond its last
`NAME_CHARACTERS_MAX` characters.
"""

from __future__ import annotations

import re
from functools import lru_cache

_RANDOM_CHARACTERS_MIN = 12  # tokens are longer, most words shorter
_OPAQUE_CHARACTERS_MIN = 20  # signatures and the like are longer still
NAME_CHARACTERS_MAX = 100  # how far back the name in front of a value is looked for


# -- names -------------------------------------------------------------------------------------------------------------

NONE, BY_LOOK, WEAK, STRONG = range(4)  # how much a name says about its value

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SECRET_WORD = re.compile(
    r"(?:password|passwd|passphrase|passcode|passkey|secret|credential|creds|apikey|accesskey|secretkey|privatekey|authkey"
    r"|(?:access|api|auth|bearer|csrf|github|gitlab|hf|personal|refresh|secret|session|wandb)token)s?$"
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# A name that ends so is about a secret, and none: `secret_santa_count`, `password_file`.
_ABOUT = _words(
    "accuracy acc counts count dim dir directory embedding embeddings enabled endpoint env expires expiry field file"
    " filename folder format host ids index idx kind len length limit loss manager max min mode model names name num"
    " number path policy port prob prompt provider rate ratio required seconds size sock store timeout ttl type uri url"
    " var variable version weight weights"
)
# A name may go on so after the word that counts: `API_KEY_PROD`.
_ENDINGS = _words(
    "b backup base dev encoded hash new old plain prod production raw staging string test text v value"
)
_AUTHORITIES = _words(
    "access account admin anthropic api app application auth authentication authorization aws azure bearer client cloud"
    " cohere comet databricks datadog deploy deployment discord docker encryption gcp gh git github gitlab google groq hf"
    " hub huggingface jwt kaggle license login master mistral neptune ngc npm oauth openai openrouter personal pinecone"
    " private pypi refresh registry replicate secret sendgrid service session shared signing slack ssh storage stripe"
    " subscription telegram trackd twilio vault wandb webhook"
)
# Tokens of language models, which are no secrets: `pad_token`.
_VOCABULARY = _words(
    "add assistant audio begin blank bos boi class cls concept control current decoder dist dummy each encoder end eoi eom"
    " eos eot extra fim first generated image init initializer input instance lang language last lm mask max memory middle"
    " min n new newline next num output pad patch per placeholder pooled predicted prefix prev previous prompt query"
    " reasoning register sampled sep single sot source space special speech start stop subword suffix system target text"
    " think trigger unk video vision visual word"
)
_ORDINARY_KEYS = _words(
    "batch cache caption dataset dict foreign group image index input join label map metric monitor output partition primary"
    " public sort target text"
)
_LOGINS = _words(
    "admin database db email ftp http https keystore ldap login mail mongo mysql pg postgres proxy redis root service smtp"
    " ssh sudo user"
)


def is_secret_name(name: str) -> bool:
    """Says whether what a variable, option or setting of this name holds is to be kept secret.

    Names are read as words, in `snake_case`, `kebab-case`, `camelCase` and dotted: `api_key`, `db.password` and
    `GITHUB_TOKEN` are such names; `tokenizer`, `pad_token`, `num_tokens`, `secret_santa_count` and `image_key` are not.
    """
    return strength_of(name[-NAME_CHARACTERS_MAX:]) >= WEAK


@lru_cache(maxsize=1024)
def strength_of(name: str) -> int:
    words = [word.lower() for word in _WORD.findall(name)]
    while len(words) > 1 and words[-1] in _ENDINGS:
        words.pop()
    if not words or words[-1] in _ABOUT:
        return NONE
    last, qualifier = words[-1], words[-2] if len(words) > 1 else ""
    is_variable = name.isupper() and qualifier != ""
    if last in ("credential", "credentials", "creds"):
        return WEAK  # of which documentation and code say much
    if last == "authorization" or any(_SECRET_WORD.search(word) for word in words):
        return STRONG
    if last in ("token", "tokens"):
        if qualifier in _AUTHORITIES:
            return STRONG
        return NONE if qualifier in _VOCABULARY or last == "tokens" else WEAK
    if last in ("key", "keys") or words[-2:] == ["key", "id"]:
        before = words[-3] if last == "id" and len(words) > 2 else "" if last == "id" else qualifier
        if before in _AUTHORITIES:
            return STRONG
        return WEAK if is_variable and last == "key" and before not in _ORDINARY_KEYS else NONE
    if last in ("pass", "pw", "pwd"):
        return STRONG if qualifier in _LOGINS or (is_variable and qualifier != "old") else NONE
    if is_variable and last in ("auth", "jwt", "pat"):
        return WEAK
    return BY_LOOK if last in ("auth", "cookie", "jwt", "sig", "signature") else NONE


# -- values ------------------------------------------------------------------------------------------------------------

# What stands where a secret would, and is none: nothing, placeholders, types and expressions of a program's source.
_HARMLESS = _words(
    "0 1 any bool bytes default empty false float hidden int missing nil no none null object optional redacted required"
    " str string tensor true undefined unset yes"
)
_MASK = re.compile(r"(?:[*•.-]+|[xX]{3,})$")
_TEMPLATE = re.compile(
    r"(?:\$\{[^{}]*\}?|\$[A-Z_][A-Z0-9_]*|\{[^{}]*\}*|<[^<>]*>|%\(?\w*\)?[rs]|\[redacted\]?|[\[(])$"
)
_EXPRESSION = re.compile(r"[A-Za-z_][\w.]*[(\[{]")
_OWNERS = re.compile(r"(?:args|cfg|cls|config|env|hparams|opts?|options|os|params|self|settings|sys)\.")
_FLOAT = re.compile(r"[+-]?[0-9]+\.[0-9]*(?:[eE][+-]?[0-9]+)?$")
_OPAQUE_VALUE = re.compile(r"(?!\w+://)[\w.~+/=%:$-]+$", re.ASCII)
_DIGIT = re.compile(r"[0-9]")
_LETTER = re.compile(r"[A-Za-z]")
_NUMBER = re.compile(r"[+-]?[\d.,]+(?:[eE][+-]?\d+)?[A-Za-z%/]{0,4}$")


def is_harmless(name: str, value: str, is_quoted: bool) -> bool:
    if not value or value.lower() in _HARMLESS:
        return True
    if _MASK.match(value) or _TEMPLATE.match(value) or _FLOAT.match(value):
        return True
    if is_quoted:
        return False
    if _EXPRESSION.match(value) or _OWNERS.match(value):
        return True
    # `password=password`, `token = credentials.token`, `password=db_password`
    tail = value.rpartition(".")[2].lower()
    if not tail.replace("_", "").isalpha():
        return False
    words = "_" + name.lower().replace("-", "_").replace(".", "_")
    return words.endswith(f"_{tail}") or ("_" in tail and is_secret_name(tail))


def looks_like(strength: int, value: str) -> bool:
    """Says whether a value looks like what a name of this strength promises."""
    if strength == BY_LOOK and len(value) < _OPAQUE_CHARACTERS_MIN:
        return False
    return strength == STRONG or looks_random(value)


def looks_random(value: str) -> bool:
    if len(value) < _RANDOM_CHARACTERS_MIN or _NUMBER.match(value) or not _OPAQUE_VALUE.match(value):
        return False
    # Letters alone are a name in a program; random ones have a digit among them.
    return _DIGIT.search(value) is not None and _LETTER.search(value) is not None
