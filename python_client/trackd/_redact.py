"""Owns the removal of secrets from what trackd records by itself: console lines, arguments, addresses, config, variables.

Pure. Invariants: a text without a secret comes back as it is, the same object; the time is linear in the text, whatever the
text; a value that is redacted already stays.

A secret is known by its shape (tokens of known services, private keys), by the name in front of it (`password=…`,
`--api-key …`, `Authorization: …`), by its place in an address (`scheme://user:password@host`), or because it is the value of
a variable with a telling name. One that is known by none of these cannot be told from a hash and stays.

The shapes follow what each service documents of its tokens, above all their prefixes; lengths are the shortest seen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

from trackd._secret_names import (
    NAME_CHARACTERS_MAX,
    NONE,
    STRONG,
    WEAK,
    is_harmless,
    is_secret_name,
    looks_like,
    looks_random,
    strength_of,
)

REDACTED: Final = "[redacted]"

# Environment variables that say how a process was started and what its libraries do; a `*` at the end stands for any rest.
# All others are never read, whatever they hold.
KEPT_VARIABLES: Final = (
    "SLURM_*", "PBS_*", "LSB_JOBID", "LSB_JOBNAME", "JOB_ID", "SGE_TASK_ID", "OMPI_COMM_WORLD_*", "PMI_RANK", "PMI_SIZE",
    "KUBERNETES_SERVICE_HOST", "HOSTNAME",
    "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK", "NODE_RANK", "MASTER_ADDR", "MASTER_PORT",
    "TORCHELASTIC_*", "ACCELERATE_*", "DEEPSPEED_*", "RAY_*",
    "CUDA_*", "NVIDIA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "CUBLAS_WORKSPACE_CONFIG",
    "OMP_*", "MKL_*", "OPENBLAS_NUM_THREADS", "NUMEXPR_*", "KMP_*",
    "PYTORCH_*", "TORCH_*", "NCCL_*", "GLOO_*", "TF_*", "XLA_*", "JAX_*", "TOKENIZERS_PARALLELISM", "HF_HUB_OFFLINE",
    "CONDA_DEFAULT_ENV", "CONDA_PREFIX", "VIRTUAL_ENV", "PYTHONHASHSEED", "PYTHONPATH", "LD_PRELOAD",
    "TRACKD_*",
)  # fmt: skip

_VALUE_CHARACTERS_MIN = 8  # a shorter value of a variable is a word that stands in many an innocent line
_KEY_CHARACTERS_MAX = 20_000  # a private RSA key of 16,384 bits takes 12,900
_KEY_LINES_MAX = 250  # the same key has 200 lines
_DECIDING_CHARACTERS_MAX = 256  # of a value: each name may look this far ahead
_QUOTED_CHARACTERS_MAX = 4096  # the same for a value in quotes
_USER_CHARACTERS_MAX = 20  # in an address; a longer one is a token
_DEPTH_MAX = 100
_KEPT_NAMES = frozenset(name for name in KEPT_VARIABLES if not name.endswith("*"))
_KEPT_PREFIXES = tuple(name[:-1] for name in KEPT_VARIABLES if name.endswith("*"))


# -- what others call --------------------------------------------------------------------------------------------------


def redact_text(text: str) -> str:
    """Returns a text of any length with `[redacted]` for each secret in it; the same object when there is none."""
    if not _may_hold_secret(text):
        return text
    pieces: list[str] = []
    position = 0
    for start, end in _find(text):
        pieces += text[position:start], REDACTED
        position = end
    if not pieces:
        return text
    pieces.append(text[position:])
    return "".join(pieces)


def redact_url(url: str) -> str:
    """Returns an address without who asks: user and password are left out, other secrets redacted.

    The user of an address without a password stays where it is no secret, as in `ssh://git@host/path`.
    """
    match = _ADDRESS.match(url)
    if match and (match["scheme"].lower() in ("http", "https", "ftp") or ":" in match["user"]):
        url = f"{match['scheme']}://{url[match.end() :]}"
    return redact_text(url)


def redact_arguments(arguments: Sequence[str]) -> list[str]:
    """Returns the arguments of a command with the values of `--password X`, `--api-key=X` and the like redacted."""
    redacted: list[str] = []
    is_value = False  # of the option before
    for argument in arguments:
        option = _OPTION.match(argument)
        if is_value and not argument.startswith("--") and not is_harmless("", argument, is_quoted=True):
            redacted.append(REDACTED)
        elif (
            option is not None
            and option["value"] is not None
            and is_secret_name(option["name"])
            and not is_harmless("", option["value"], is_quoted=True)
        ):
            redacted.append(f"{option['name']}={REDACTED}")
        else:
            redacted.append(redact_text(argument))
        is_value = (
            option is not None
            and option["value"] is None
            and argument.startswith("-")
            and is_secret_name(argument)
        )
    return redacted


def redact_mapping(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a config, nested or not, with its secrets redacted.

    Every text under a name for which `is_secret_name` holds is replaced, however deep; other texts go through `redact_text`.
    Mappings become dicts; lists and tuples stay what they are; all else is handed through. What is nested deeper than 100
    is replaced as a whole: nobody's config is, and an object that holds itself has no end.
    """
    return {key: _redact_value(value, is_secret_name(str(key)), 1) for key, value in values.items()}


def _redact_value(value: Any, is_secret: bool, depth: int) -> Any:
    if isinstance(value, str):
        return REDACTED if is_secret and not is_harmless("", value, is_quoted=True) else redact_text(value)
    if isinstance(value, bytes) and is_secret:
        return REDACTED
    if not isinstance(value, Mapping | list | tuple):
        return value
    if depth >= _DEPTH_MAX:
        return REDACTED
    if isinstance(value, Mapping):
        return {
            key: _redact_value(each, is_secret or is_secret_name(str(key)), depth + 1)
            for key, each in value.items()
        }
    made = [_redact_value(each, is_secret, depth + 1) for each in value]
    return made if isinstance(value, list) else tuple(made)


def kept_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Returns the variables of `KEPT_VARIABLES`, redacted, by name; none with the name of a secret."""
    redactor = Redactor(environ)
    return {
        name: redactor.redact(value)
        for name, value in environ.items()
        if name.startswith(_KEPT_PREFIXES) or name in _KEPT_NAMES
        if not is_secret_name(name)
    }


class Redactor:
    """Redacts the lines of one process, whose environment it knows.

    Beyond `redact_text` it replaces the values of variables with the name of a secret, as they were when it was made, and
    the lines of a private key that is printed line by line.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Learns the values, of at least 8 characters; of a value of several lines, each such line."""
        values = {
            line.strip()
            for name, value in environ.items()
            if is_secret_name(name) and not (_is_path(value) and "CREDENTIALS" in name.upper())
            for line in value.splitlines()
        }
        # The longest first: one may hold another.
        self._values = sorted((each for each in values if len(each) >= _VALUE_CHARACTERS_MIN), key=len)[::-1]
        self._key_lines_left = 0

    def redact(self, text: str) -> str:
        """Returns a line, or several, with their secrets redacted; the same object when there is none."""
        for value in self._values:
            if value in text:
                text = text.replace(value, REDACTED)
        if self._key_lines_left:
            self._key_lines_left = 0 if "-----END" in text else self._key_lines_left - 1
            if _KEY_LINE.match(text):
                return REDACTED
        if "PRIVATE KEY" in text and "-----BEGIN" in text and "-----END" not in text:
            self._key_lines_left = _KEY_LINES_MAX
        return redact_text(text)


def _is_path(value: str) -> bool:
    return value.startswith(("/", "~", "./", "../"))


# -- shapes ------------------------------------------------------------------------------------------------------------

# Each pattern matches the least that makes a token one, so that no start looks far ahead; the rest is taken afterwards.
# Each begins with one character or a class of a few: the search then skips what no pattern begins with.
_SHAPES = (
    # clouds
    r"A(?:KIA|SIA|GPA|IDA|ROA|NPA|NVA|IPA)[A-Z0-9]{16}(?![A-Za-z0-9])",  # AWS
    r"ABSK[A-Za-z0-9+/]{40}",  # AWS Bedrock
    r"AIza[\w-]{35}(?![\w-])", r"ya29\.[\w-]{20}", r"GOCSPX-[\w-]{20}", r"1//0[\w-]{30}",  # Google
    r"~(?<=[0-9]Q~)[\w~.-]{31}",  # Azure client secrets, behind five more characters
    r"LTAI[A-Za-z0-9]{16}", r"AKID[A-Za-z0-9]{32}", r"AQVN[\w-]{35}",  # Alibaba, Tencent, Yandex
    r"do[opr]_v1_[0-9a-f]{64}",  # DigitalOcean
    r"HRKU-[\w-]{36}", r"nfp_[A-Za-z0-9]{36}", r"vc[aikpr]_[A-Za-z0-9]{24}", r"rnd_[A-Za-z0-9]{28}",  # Heroku …
    r"fo1_[\w-]{40}", r"fm[12][ar]?_[A-Za-z0-9+/]{60}", r"v1\.0-[0-9a-f]{24}-[0-9a-f]{100}",  # Fly, Cloudflare
    r"pul-[0-9a-f]{40}", r"\.atlasv1\.[\w-]{60}", r"tskey-[\w-]{20}",  # Pulumi, Terraform, Tailscale
    r"hv[bsr]\.[\w-]{24}", r"dp\.(?:audit|ct|pt|sa|scim|st)\.[\w.-]{40}",  # Vault, Doppler
    r"ops_eyJ[\w-]{50}", r"AGE-SECRET-KEY-1[0-9A-Z]{58}",  # 1Password, age
    # code and packages
    r"gh[oprsu]_[A-Za-z0-9]{36}", r"github_pat_\w{22}",
    r"gl(?:agent|cbt|dt|ffct|ft|imt|oas|pat|ptt|rt|soat)-[\w-]{20}", r"GR1348941[\w-]{20}",  # GitLab
    r"ATATT3[\w-]{50}", r"ATCTT3[\w-]{50}", r"ATBB[A-Za-z0-9]{32}",  # Atlassian
    r"npm_[A-Za-z0-9]{36}", r"pypi-Ag[\w-]{50}", r"rubygems_[0-9a-f]{48}", r"cio[A-Za-z0-9]{32}(?!\w)",
    r"oy2[a-z0-9]{43}", r"dckr_[op]at_[\w-]{20}", r"AKCp[A-Za-z0-9]{60}", r"cmVmdGtu[A-Za-z0-9]{40}",
    r"CCIPAT_\w{20}", r"bkua_[0-9a-f]{40}", r"sq[apu]_[0-9a-f]{40}", r"CLOJARS_[a-z0-9]{60}",
    # models and data
    r"tr[ks]_[A-Za-z0-9]{61}",  # trackd's own, as trackd_service.tokens makes them
    r"sk-(?=[A-Za-z]{0,40}[0-9])[A-Za-z0-9]{20}", r"sk-(?:admin|ant|None|or|proj|svcacct)-[\w-]{20}",
    r"gsk_[A-Za-z0-9]{40}", r"xai-[A-Za-z0-9]{40}", r"pplx-[A-Za-z0-9]{40}", r"csk-[A-Za-z0-9]{40}", r"r8_[A-Za-z0-9]{30}",
    r"hf_[A-Za-z0-9]{30}", r"api_org_[A-Za-z0-9]{30}", r"wandb_v1_\w{30}", r"KGAT_[0-9a-f]{32}", r"nvapi-[\w-]{40}",
    r"fw_(?=[A-Za-z]{0,21}[0-9])[A-Za-z0-9]{22}", r"lsv2_[ps][kt]_\w{32}", r"pcsk_\w{40}", r"tvly-[\w-]{20}",
    r"a[ks]-(?=[A-Za-z]{0,21}[0-9])[A-Za-z0-9]{22}(?![\w-])", r"rpa_[A-Z0-9]{40}", r"esecret_[A-Za-z0-9]{20}",  # Modal …
    r"pn[bu]_[A-Za-z0-9]{36}", r"eyJhcGlfYWRkcmVzcyI6[\w+/=-]{20}",  # Prefect, Neptune
    r"dapi[0-9a-f]{32}(?![0-9A-Za-z])", r"pscale_(?:oauth|pw|tkn)_[\w-]{32}", r"sbp_[0-9a-f]{40}", r"sb_secret_[\w-]{20}",
    # messages
    r"xox[abeoprs]-[\w-]{12}", r"xapp-[0-9]-[\w-]{20}", r"hooks\.slack\.com/(?:services|triggers|workflows)/[\w/]{20}",
    r"[MNO](?:[DTjz][AEIMQUYcgk][w-z0-5][MNO]){5}[\w-]{2,12}\.[\w-]{6}\.[\w-]{27}",  # Discord: digits in base64 come first
    r"discord(?:app)?\.com/api/webhooks/[0-9]{8,24}/[\w-]{40}",
    r":(?<=[0-9]:)AA[\w-]{32}",  # Telegram, behind the bot's number
    r"SK[0-9a-f]{32}(?![0-9A-Za-z])", r"SG\.[\w-]{16,40}\.[\w-]{16}", r"key-[0-9a-f]{32}(?![0-9A-Za-z])",  # Twilio …
    r"re_[A-Za-z0-9]{8,12}_[A-Za-z0-9]{20}", r"xkeysib-[0-9a-f]{64}", r"PMAK-[0-9a-f]{24}-",
    r"webhook\.office\.com/webhookb2/[\w@/-]{40}", r"hooks\.zapier\.com/hooks/catch/[\w/]{10}",
    # money, and what companies work with
    r"[rs]k_(?:live|prod|test)_[A-Za-z0-9]{16}", r"whsec_[A-Za-z0-9+/]{24}", r"sk_[0-9a-f]{48}",  # Stripe, ElevenLabs
    r"sq0(?:atp|csp)-[\w-]{22}", r"EAAA[\w-]{60}", r"access_token\$production\$[0-9a-z]{16}",
    r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",
    r"glc_[A-Za-z0-9+/]{32}", r"glsa_[A-Za-z0-9]{32}", r"NR(?:AK|II|JS|RA)-[A-Za-z0-9]{20}",  # Grafana, New Relic
    r"sntrys_eyJ[\w+/=-]{40}", r"sntryu_[0-9a-f]{64}", r"lin_(?:api|oauth)_[A-Za-z0-9]{32}", r"ntn_[A-Za-z0-9]{40}",
    r"secret_[A-Za-z0-9]{43}", r"figd_[\w-]{40}", r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}", r"sl\.[\w-]{100}", r"tfp_[\w.-]{50}",
    r"eyJ[\w-]{8,500}\.eyJ",  # JSON Web Tokens (RFC 7519): two parts are JSON
)  # fmt: skip
_TOKEN_REST = re.compile(r"[\w.~+/=%-]*", re.ASCII)

# -- contexts ----------------------------------------------------------------------------------------------------------

# Behind one of these a secret may follow: what they are, and what stands in front of it.
_QUOTE = r"""(?:\\{0,3}["'`])?"""
_TYPE = r"\s{0,2}:\s{0,2}(?:Optional\[)?(?:str|bytes|SecretStr)\]?(?:\s?\|\s?None)?\s{0,2}=\s{0,4}"
_NAME_END = (
    r"(?:_?(?:[0-9]{1,2}|PROD|DEV|TEST|prod|dev|test))?"
    rf"{_QUOTE}\]?(?:{_TYPE}|\s{{0,4}}(?:=>|[:=]=?)\s{{0,4}}|\s{{1,3}})"
)
_SCHEME = r"(?:(?i:bearer|basic|bot|token|apikey|digest)\s{1,3})?"
_CONTEXTS = (
    ("name", rf"[Pp](?i:ass(?:word|wd|phrase|code|key)?|wd|w|at){_NAME_END}"),
    ("name", rf"[Ss](?i:ecrets?|ig(?:nature)?){_NAME_END}"),
    ("name", rf"[Tt](?i:okens?){_NAME_END}"),
    ("name", rf"[Kk](?i:eys?(?:_?id)?){_NAME_END}"),
    ("name", rf"[Cc](?i:redentials?|reds){_NAME_END}"),
    ("name", rf"[Aa](?i:uth){_NAME_END}"),
    ("name", rf"[Jj](?i:wt){_NAME_END}"),
    ("authorization", rf"[Aa](?i:uthorization){_QUOTE}\s{{0,4}}[:=]\s{{0,4}}[bfru]{{0,2}}{_QUOTE}{_SCHEME}"),
    ("bearer", r"[Bb](?i:earer|asic)\s{1,3}"),
    ("cookie", r"[Cc](?i:ookie):\s{0,4}"),
    ("password", r"login\s{1,3}[^\s]{1,100}\s{1,3}password\s{1,3}"),  # .netrc
    ("password", r"login\(\s{0,3}(?:key|token)\s{0,2}=\s{0,2}"),
    ("password", r"sshpass\s{1,3}-p\s{0,3}"),
    ("password", r""""username"\s{0,2}:\s{0,2}"[^"\n]{1,60}"\s{0,2},\s{0,2}"key"\s{0,2}:\s{0,2}"""),  # Kaggle
    ("user", r"-u(?:ser)?[ =][A-Za-z][^\s:\"'/]{0,100}:"),  # curl
    ("address", r"""://[^\s/?#@:"'<>[]{0,200}:"""),
    ("address user", r"""://[^\s/?#@:"'<>]{20,200}@"""),
    ("private key", r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"),
)

_OPENING = re.compile(r"""[bfruBFRU]{0,2}(\\{0,3}(?:\"\"\"|\'\'\'|["'`]))""")
_UNQUOTED = re.compile(r"""(?:[^\s"'`,;&\\\x1b]+|\\(?![nrt"'`\\]))*""")
_OPAQUE = re.compile(r"[\w.~+/=-]*", re.ASCII)
_LINE = re.compile(r"""[^\r\n"']*""")
_COOKIE = re.compile(r"[^\s=;]{1,100}=\S")
# Up to the last @ in front of a slash; some libraries take a password with a slash in it.
_USER_INFO = re.compile(r"""[^\s/"'<>]{1,256}@|[^\s@"'<>]{1,256}@""")
_PORT = re.compile(r"[0-9]{1,5}[/?#]")
_NAME = re.compile(r"[\w.-]*", re.ASCII)
_KEY_LINES = re.compile(r"(?:(?:\s|\\[nr]|[+>|]){0,4}[A-Za-z0-9+/=]{40,})*")
_KEY_END = re.compile(r"-----END[^-\n]{0,60}-----")
_KEY_LINE = re.compile(r"\s*[A-Za-z0-9+/=]+\s*$")
_ADDRESS = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{0,30})://(?P<user>[^\s/?#]*|[^\s/?#@:]*:(?![0-9]{1,5}[/?#])[^\s@]*)@"
)
_OPTION = re.compile(r"(?P<name>[-+]{0,2}[A-Za-z_][\w.+-]*)(?:=(?P<value>.*))?$", re.DOTALL)
# What a text shows of a control character: an escape, a colour, an encoded character.
_ESCAPE = re.compile(r"(?:\\[nrt]|\x1b\[[0-9;]{0,12}[A-Za-z]|%[0-9A-Fa-f]{2})$")
_ESCAPE_CHARACTERS_MAX = 16
# A line with none of these and without a long run of such characters holds none of the above. The last few are of tokens
# whose other characters may cut every run short.
_HINTS = (
    "token", "key", "pass", "secret", "auth", "://", "pwd", "_pw", "cred", "bearer ", "basic ", "cookie", "sig=", "signature",
    "-----", "-u", "absk", "whsec", "glc_", "fm1", "fm2", "q~", "hooks.",
)  # fmt: skip
_RUN = re.compile(r"[\w+=-]{20}", re.ASCII)


@cache
def _pattern() -> tuple[re.Pattern[str], tuple[str, ...]]:
    """Compiles the one expression, on first need: that takes 10 to 20 ms, which most processes never pay.

    Returns it, and what kind of context each of its groups stands for; a match without a group is a shape.
    """
    # Branches that begin with a literal let the search skip all other characters, and share what they begin with.
    branches: dict[str, list[tuple[str, str]]] = {}
    for kind, pattern in (*(("", shape) for shape in _SHAPES), *_CONTEXTS):
        characters, rest = pattern[:1], pattern[1:]
        if characters == "[":
            characters, _, rest = rest.partition("]")
        elif characters == "\\":
            characters, rest = rest[:1], rest[1:]
        for character in characters:
            branches.setdefault(character, []).append((kind, rest))
    kinds = tuple(kind for rests in branches.values() for kind, _ in rests if kind)
    source = "|".join(
        f"{re.escape(character)}(?:{'|'.join(rest + ('()' if kind else '') for kind, rest in rests)})"
        for character, rests in branches.items()
    )
    return re.compile(source, re.ASCII), kinds


def _may_hold_secret(text: str) -> bool:
    lower = text.lower()
    for hint in _HINTS:
        if hint in lower:
            return True
    return _RUN.search(text) is not None


def _find(text: str) -> Iterator[tuple[int, int]]:
    """Yields where the secrets of a text begin and end, in order."""
    pattern, kinds = _pattern()
    position = 0
    while match := pattern.search(text, position):
        kind = kinds[match.lastindex - 1] if match.lastindex else "token"
        span = _SPANS[kind](text, match.start(), match.end())
        if span is None:
            position = match.start() + 1
        else:
            yield span
            position = span[1]


def _token_span(text: str, start: int, end: int) -> tuple[int, int] | None:
    before = text[start - 1 : start]
    if text[start].isalnum() and (before.isalnum() or before == "_") and not _is_behind_escape(text, start):
        return None  # `task-…` is no `sk-…`
    return start, _end(_TOKEN_REST, text, end)


def _name_span(text: str, start: int, end: int) -> tuple[int, int] | None:
    name = _name_around(text, start, end)
    strength = strength_of(name)
    if any(character in "=:" for character in text[start:end]):
        if name.lower() == "pwd" and text[end : end + 1] not in ("/", "~", "\\"):
            strength = STRONG  # in a connection string; in a shell it is the working folder
        return _value_span(text, end, name, strength)
    # Behind a space only an option has a value.
    if name.startswith("-") and strength >= WEAK and text[end : end + 1] != "-":
        return _value_span(text, end, name, STRONG)
    return None


def _name_around(text: str, start: int, end: int) -> str:
    """Returns the whole name in which a word begins at `start`: `db_password` for the place of `password`."""
    begin = start - _end(_NAME, text[max(0, start - NAME_CHARACTERS_MAX) : start][::-1], 0)
    if text[begin - 1 : begin] in ("\\", "%", "[", ";"):
        for after in range(begin + 1, min(begin + 6, start) + 1):  # `\npassword` is no `npassword`
            if _is_behind_escape(text, after):
                begin = after
                break
    return text[begin : _end(_NAME, text, start, end)]


def _value_span(text: str, start: int, name: str, strength: int) -> tuple[int, int] | None:
    """Returns where the value that begins at `start` stands, without its quotes, if it is a secret."""
    if strength == NONE:
        return None
    opening = _OPENING.match(text, start)
    end = _closing(text, opening.end(), opening[1]) if opening else -1
    if opening:
        start = opening.end()
    is_quoted = end >= 0
    if not is_quoted:
        end = _end(_UNQUOTED, text, start, start + _DECIDING_CHARACTERS_MAX)
    value = text[start:end] if is_quoted else text[start:end].rstrip(")]}:")
    if value.startswith("-----BEGIN"):
        return None  # a private key, which is found as such, and does not end with the word
    if is_harmless(name, value, is_quoted) or not looks_like(strength, value):
        return None
    if not is_quoted and len(value) == _DECIDING_CHARACTERS_MAX:
        return start, _end(_UNQUOTED, text, start)
    return start, start + len(value)


def _closing(text: str, start: int, quote: str) -> int:
    """Returns where a quoted value ends, or -1 when it does not end on its line."""
    limit = start + _QUOTED_CHARACTERS_MAX
    end = text.find(quote, start, limit)
    while len(quote) == 1 and end > start and text[end - 1] == "\\":  # a quote inside
        end = text.find(quote, end + 1, limit)
    return -1 if len(quote) < 3 and "\n" in text[start : max(start, end)] else end


def _plain_span(text: str, start: int, end: int) -> tuple[int, int] | None:
    return _value_span(text, end, "", STRONG)


def _bearer_span(text: str, start: int, end: int) -> tuple[int, int] | None:
    limit = _end(_OPAQUE, text, end, end + _DECIDING_CHARACTERS_MAX)
    return (end, _end(_OPAQUE, text, end)) if looks_random(text[end:limit]) else None


def _cookie_span(text: str, start: int, end: int) -> tuple[int, int] | None:
    return (end, _end(_LINE, text, end)) if _COOKIE.match(text, end) else None


def _login_span(text: str, start: int, end: int) -> tuple[int, int] | None:
    before = text[max(0, start - 2) : start].rstrip("-")[-1:]
    return _plain_span(text, start, end) if before in ("", " ", '"', "'") else None


def _address_span(text: str, start: int, end: int) -> tuple[int, int] | None:
    at = _end(_USER_INFO, text, end) - 1
    if at < end or _PORT.match(text, end) or is_harmless("", text[end:at], is_quoted=True):
        return None
    user_start = start + len("://")
    return (end, at) if end - user_start <= _USER_CHARACTERS_MAX else (user_start, at)


def _address_user_span(text: str, start: int, end: int) -> tuple[int, int] | None:
    return (
        (start + len("://"), end - 1) if text[max(0, start - 5) : start].endswith(("http", "https")) else None
    )


def _key_span(text: str, start: int, end: int) -> tuple[int, int] | None:
    closing = text.find("-----END", end, end + _KEY_CHARACTERS_MAX)
    if closing < 0:
        return start, _end(_KEY_LINES, text, end)
    return start, _end(_KEY_END, text, closing)


def _end(pattern: re.Pattern[str], text: str, start: int, limit: int | None = None) -> int:
    match = pattern.match(text, start, len(text) if limit is None else limit)
    return match.end() if match else start


def _is_behind_escape(text: str, start: int) -> bool:
    return _ESCAPE.search(text, max(0, start - _ESCAPE_CHARACTERS_MAX), start) is not None


_SPANS: Final[Mapping[str, Callable[[str, int, int], tuple[int, int] | None]]] = {
    "token": _token_span,
    "name": _name_span,
    "authorization": _plain_span,
    "bearer": _bearer_span,
    "cookie": _cookie_span,
    "password": _plain_span,
    "user": _login_span,
    "address": _address_span,
    "address user": _address_user_span,
    "private key": _key_span,
}
