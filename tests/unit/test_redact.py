import random
import string
import time
from collections.abc import Callable
from typing import Any

import pytest

from trackd import _redact
from trackd._redact import (
    REDACTED,
    Redactor,
    kept_environment,
    redact_arguments,
    redact_mapping,
    redact_text,
    redact_url,
)
from trackd._secret_names import is_secret_name

LETTERS = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
WIDE = LETTERS + "_-"
UPPER = string.ascii_uppercase + string.digits

# Each kind of token: its prefix, the characters of its secret part, and how many there are. They are made up at each test,
# so that no line of this file looks like a token to whoever scans the repository.
TOKENS = {
    "aws access key": ("AKIA", UPPER, 16),
    "aws temporary key": ("ASIA", UPPER, 16),
    "aws bedrock": ("ABSK", LETTERS, 60),
    "google api": ("AIza", WIDE, 35),
    "google oauth": ("ya29.", WIDE, 60),
    "google client": ("GOCSPX-", WIDE, 28),
    "azure client": ("abc8Q~", WIDE, 34),
    "alibaba": ("LTAI", LETTERS, 20),
    "tencent": ("AKID", LETTERS, 32),
    "digitalocean": ("dop_v1_", HEX, 64),
    "heroku": ("HRKU-", WIDE, 60),
    "netlify": ("nfp_", LETTERS, 36),
    "render": ("rnd_", LETTERS, 32),
    "pulumi": ("pul-", HEX, 40),
    "terraform": ("a1b2c3d4e5f6g7.atlasv1.", WIDE, 67),
    "tailscale": ("tskey-auth-", LETTERS, 32),
    "vault": ("hvs.", WIDE, 90),
    "doppler": ("dp.st.dev.", LETTERS, 43),
    "age": ("AGE-SECRET-KEY-1", UPPER, 58),
    "github": ("ghp_", LETTERS, 36),
    "github app": ("ghs_", LETTERS, 36),
    "github fine": ("github_pat_", LETTERS + "_", 82),
    "gitlab": ("glpat-", WIDE, 20),
    "gitlab runner": ("glrt-", WIDE, 20),
    "atlassian": ("ATATT3", WIDE, 180),
    "npm": ("npm_", LETTERS, 36),
    "pypi": ("pypi-AgEIcHlwaS5vcmc", WIDE, 150),
    "rubygems": ("rubygems_", HEX, 48),
    "nuget": ("oy2", string.ascii_lowercase + string.digits, 43),
    "docker": ("dckr_pat_", WIDE, 27),
    "artifactory": ("AKCp", LETTERS, 69),
    "circleci": ("CCIPAT_", LETTERS, 40),
    "openai": ("sk-9", LETTERS, 47),
    "openai project": ("sk-proj-", WIDE, 120),
    "anthropic": ("sk-ant-api03-", WIDE, 95),
    "openrouter": ("sk-or-v1-", HEX, 64),
    "groq": ("gsk_", LETTERS, 52),
    "xai": ("xai-", LETTERS, 80),
    "perplexity": ("pplx-", LETTERS, 48),
    "replicate": ("r8_", LETTERS, 37),
    "trackd": ("trk_", LETTERS, 61),
    "trackd session": ("trs_", LETTERS, 61),
    "hugging face": ("hf_", LETTERS, 34),
    "weights and biases": ("wandb_v1_", LETTERS, 60),
    "kaggle": ("KGAT_", HEX, 32),
    "nvidia": ("nvapi-", WIDE, 64),
    "langsmith": ("lsv2_pt_", HEX, 42),
    "pinecone": ("pcsk_", LETTERS, 60),
    "tavily": ("tvly-", LETTERS, 32),
    "prefect": ("pnu_", LETTERS, 36),
    "databricks": ("dapi", HEX, 32),
    "supabase": ("sbp_", HEX, 40),
    "slack bot": ("xoxb-", LETTERS, 50),
    "slack app": ("xapp-1-", LETTERS, 60),
    "slack hook": ("https://hooks.slack.com/services/T00000000/B00000000/", LETTERS, 24),
    "discord hook": ("https://discord.com/api/webhooks/123456789012345678/", WIDE, 68),
    "discord bot": ("MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.", WIDE, 38),
    "telegram": ("123456789:AA", WIDE, 33),
    "twilio": ("SK", HEX, 32),
    "sendgrid": ("SG.ngeVfQFYQlKU0ufo8x5d1A.", WIDE, 43),
    "mailgun": ("key-", HEX, 32),
    "brevo": ("xkeysib-", HEX, 64),
    "postman": ("PMAK-" + "0" * 24 + "-", HEX, 34),
    "stripe": ("sk_live_", LETTERS, 24),
    "stripe hook": ("whsec_", LETTERS + "+/", 32),
    "square": ("sq0atp-", WIDE, 22),
    "shopify": ("shpat_", HEX, 32),
    "grafana": ("glsa_", LETTERS, 41),
    "new relic": ("NRAK-", UPPER, 27),
    "sentry": ("sntryu_", HEX, 64),
    "linear": ("lin_api_", LETTERS, 40),
    "notion": ("ntn_", LETTERS, 46),
    "figma": ("figd_", WIDE, 40),
    "airtable": ("pat" + "A1" * 7 + ".", HEX, 64),
    "json web token": ("eyJhbGciOiJIUzI1NiJ9.eyJ", WIDE, 120),
}
# Secrets that only what stands around them tells.
CONTEXTS = {
    "password": "password={}",
    "password in json": '{{"db": {{"password": "{}"}}}}',
    "password in a dict": "{{'smtp_pass': '{}', 'lr': 0.1}}",
    "password in yaml": "  password: {}",
    "option": "python train.py --token {} --lr 0.1",
    "option with equals": "python train.py --wandb-api-key={}",
    "exported": "export AWS_SECRET_ACCESS_KEY={}",
    "credential file": "aws_secret_access_key = {}",
    "bearer": "> Authorization: Bearer {}",
    "basic": "{{'Authorization': 'Basic {}'}}",
    "header": "X-Api-Key: {}",
    "curl": "curl -u someone:{} https://example.org/",
    "address": "postgresql://admin:{}@db.example.org:5432/runs",
    "address user": "cloning https://{}@git.example.org/a/b.git",
    "query": "GET /v1/models?key=1&access_token={}&page=2",
    "storage": "DefaultEndpointsProtocol=https;AccountName=a;AccountKey={};EndpointSuffix=core.windows.net",
    "connection": "Server=tcp:db,1433;Uid=sa;Pwd={};Encrypt=yes",
    "signature": "https://a.blob.core.windows.net/c?sv=2022-11-02&sig={}&se=2030",
    "netrc": "machine api.wandb.ai login user password {}",
    "login": 'wandb.login(key="{}")',
    "set in code": 'os.environ["OPENAI_API_KEY"] = "{}"',
    "annotated in code": 'api_key: str = "{}"',
    "escaped": '{{\\"client_secret\\": \\"{}\\"}}',
    "behind a colour": "\x1b[1;32mapi_key={}\x1b[0m",
    "behind an escape": "'first\\npassword={}\\nlast'",
}  # fmt: skip


class Canaries:
    """Makes secrets, and finds in a text what is left of any."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.cores: list[str] = []

    def core(self, alphabet: str = LETTERS, length: int = 40) -> str:
        # The first is a letter and the second a digit: real ones have both, and none begins with a dash.
        core = "".join(self._random.choice(alphabet) for _ in range(length - 4)) + "a7" * 2
        if alphabet == UPPER:
            core = core.upper()
        core = ("A1" if alphabet == UPPER else "a1") + core[2:]
        self.cores.append(core)
        return core

    def token(self, kind: str) -> str:
        prefix, alphabet, length = TOKENS[kind]
        return prefix + self.core(alphabet, length)

    def leaks(self, text: str) -> list[str]:
        # A part of one is a leak as well.
        return [
            core
            for core in self.cores
            if any(core[start : start + 8] in text for start in range(len(core) - 7))
        ]


@pytest.mark.parametrize("kind", TOKENS)
def test_a_token_is_known_by_its_shape_wherever_it_stands(kind: str) -> None:
    for seed in range(20):
        canaries = Canaries(seed)
        token = canaries.token(kind)
        for line in ("{}", "using {} now", '"{}"', "x={}", "f({})", "\x1b[32m{}\x1b[0m", "a\\n{}\\n"):
            text = line.format(token)
            assert canaries.leaks(redact_text(text)) == [], text
            assert REDACTED in redact_text(text)


@pytest.mark.parametrize("kind", CONTEXTS)
def test_a_secret_is_known_by_what_stands_around_it(kind: str) -> None:
    for seed in range(20):
        canaries = Canaries(seed)
        text = CONTEXTS[kind].format(canaries.core())
        redacted = redact_text(text)
        assert canaries.leaks(redacted) == [], text
        before, after = CONTEXTS[kind].format("\0").split("\0")
        assert redacted == before + REDACTED + after


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("password: hunter2", f"password: {REDACTED}"),
        ("--password hunter2 --epochs 3", f"--password {REDACTED} --epochs 3"),
        ('{"password": "say \\"friend\\" and enter", "a": 1}', f'{{"password": "{REDACTED}", "a": 1}}'),
        ("password=word", f"password={REDACTED}"),
        ("> Cookie: session=hunter2; path=/", f"> Cookie: {REDACTED}"),
        ("redis://:hunter2@host", f"redis://:{REDACTED}@host"),
        ("https://me:p@ss@host/a", f"https://me:{REDACTED}@host/a"),
        ("mysql://me:p/w@host/runs", f"mysql://me:{REDACTED}@host/runs"),
        ("git+https://me:pw@host/a.git@v1.0#egg=a", f"git+https://me:{REDACTED}@host/a.git@v1.0#egg=a"),
        ("api_key='a b c'", f"api_key='{REDACTED}'"),
        ("Namespace(password=hunter2)", f"Namespace(password={REDACTED})"),
        ("$ MYSQL_PWD=hunter2 mysql", f"$ MYSQL_PWD={REDACTED} mysql"),
    ],
)
def test_short_secrets_are_known_by_strong_names(text: str, expected: str) -> None:
    assert redact_text(text) == expected


def private_key(canaries: Canaries, kind: str = "RSA ") -> str:
    lines = [f"-----BEGIN {kind}PRIVATE KEY-----"]
    lines += [canaries.core(LETTERS + "+/", 64) for _ in range(25)]
    return "\n".join([*lines, canaries.core(LETTERS, 30) + "==", f"-----END {kind}PRIVATE KEY-----"])


@pytest.mark.parametrize("kind", ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "])
def test_private_keys_are_removed_whole(kind: str) -> None:
    canaries = Canaries(1)
    key = private_key(canaries, kind)
    assert redact_text(f"before\n{key}\nafter") == f"before\n{REDACTED}\nafter"
    as_json = '{"private_key": "' + key.replace("\n", "\\n") + '", "type": "service_account"}'
    assert canaries.leaks(redact_text(as_json)) == []
    assert "service_account" in redact_text(as_json)
    cut = key[: len(key) // 2]
    assert canaries.leaks(redact_text(cut)) == []
    as_patch = "\n".join("+" + line for line in key.splitlines())
    assert canaries.leaks(redact_text(as_patch)) == []


def test_private_keys_printed_line_by_line_are_removed() -> None:
    canaries = Canaries(2)
    redactor = Redactor({})
    lines = ["before", *private_key(canaries).splitlines(), "loss", "after 1"]
    redacted = [redactor.redact(line) for line in lines]
    assert canaries.leaks("\n".join(redacted)) == []
    assert (redacted[0], redacted[-2:]) == ("before", ["loss", "after 1"])


INNOCENT = [
    "",
    "epoch 3 loss=0.1234 lr=1e-4 acc=99.1%",
    "Epoch 1/10: 100%|██████████| 391/391 [00:12<00:00, 30.10it/s, loss=0.123]",
    "tokens/s: 123456.789 | tokens: 1048576 | loss 3.21 | time/token: 123.456ms",
    "num_tokens=3 max_token_length: 512 tokenizer=sentencepiece-unigram-32k token_count = 12345",
    "token: hello score: 0.3, next token 5, per_token=0.000123",
    "{'pad_token': '<pad>', 'eos_token': '</s>', 'unk_token': '[UNK]', 'mask_token': 'abcdefgh12345678'}",
    "special_tokens_map.json: {'additional_special_tokens': ['<|im_start|>', '<|im_end|>']}",
    "commit 3f786850e387550fdab836ed7e6dc881de23001b (HEAD -> main, origin/main)",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "numpy==2.1.0 --hash=sha256:8cfa5f29695cb74b341ce293cb2153fb787f2ab2f8e05a6a2e2dcb7c7e7b1d0e",
    "torch @ https://download.pytorch.org/whl/cu121/torch-2.4.0%2Bcu121-cp311-cp311-linux_x86_64.whl#sha256=28bfba084dca",
    '"integrity": "sha512-v2kDEe57lecTulaDIuNTPy3Ry4gLGJ6Z1O3vE1krgXZNrsQ+LFTGHVxVjcXPs17LhbZVGedAJv8XZ1tvj5FvSg=="',
    "run abc12xyz, id 550e8400-e29b-41d4-a716-446655440000, writer 0123456789abcdef0123456789abcdef",
    "media/images/iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk_3.png",
    "tensor([[ 0.1234, -1.5e-05, 3.0000e+00], [nan, inf, -0.5678]], device='cuda:0', dtype=torch.float32)",
    "train/transformer.encoder.layers.11.self_attn.in_proj_weight/grad_norm = 0.123456789",
    "model.layers.0.self_attn.key_proj.weight keypoint=3 key: value keys=['a', 'b'] sort_key=loss image_key: jpg",
    "array([1.23456789e-05, 2.34567890e+00, 1234567890123456789012345678901234567890])",
    "saved /home/user/.cache/huggingface/hub/models--bert-base-uncased/snapshots/86b5e0934494bd15c9632b12f734a8a67f723594",
    "git@github.com:someone/repository.git ssh://git@host/a https://github.com/someone/repository",
    "http://localhost:6006/?email=a@b.org#token http://[::1]:8080/a@b http://host:8080/path:a@b",
    "MASTER_ADDR=10.0.0.1 MASTER_PORT=29500 tcp://10.0.0.1:29500 file:///tmp/a:b@c",
    "task-0123456789abcdefghijklmn disk-usage_abcdefghijklmnop risk-abcdefghijklmnopqrstu12345",
    "sk-learn, sk_model_v2, hf_transformers, npm_config, pypi-server",
    "def login(password: str, token: str | None = None) -> None: self.token = token",
    "api_key = get_api_key()  # api_key=api_key, password=args.password, token=os.environ['HF_TOKEN']",
    "password=${PASSWORD} token: $TOKEN api_key={api_key} secret=<secret> password: ********",
    "password=None, secret: true, api_key: null, token=''",
    "Bearer of bad news; basic training of a 124M model begins; the secret is out; pass 2 of 3; author: me",
    "secret_santa_count=3 password_length: 12 api_key_path=/etc/key secret_loss=0.5",
    "docker run -u 1000:1000 image; cd /a && pwd=/home/user/work; PWD=/home/user",
    "2024-01-01 12:00:00,123 INFO trainer.py:123 - signature=(a, b) design=3 sigma=0.5 authors=4",
    "SyncBatchNorm.convert_sync_batchnorm MultiheadAttentionPooling.layers.some_very_long_module_name_here",
    "as-characterisationofmodels ak-abcdefghijklmnopqrstuvwx fw_forwardpassthroughlayers",
    "credentials: An optional object. sos2zpk_signature = lp2bs_zpk_signature, skip_cookie: bool = True",
    "api_key=server_api_key, password=self._password, token = r'[-!#$%&^_`|~0-9a-zA-Z]+', sig = f'{a1}: {b2}{c3}{d4}{e5}'",
    "password=%s access_token=%r {'headers': f'Authorization: Bearer {self.token}'}",
    "-----BEGIN CERTIFICATE-----\nMIIBszCCARygAwIBAgIU\n-----END CERTIFICATE-----",
    "data:image/png;base64," + "iVBORw0KGgoAAAANSUhEUgAAAAUA" * 50,
]


@pytest.mark.parametrize("text", INNOCENT)
def test_a_text_without_a_secret_stays_the_same_object(text: str) -> None:
    assert redact_text(text) is text
    assert Redactor({"HF_TOKEN": "hf_nothing_of_this", "X": text}).redact(text) is text


def test_random_identifiers_and_base64_stay() -> None:
    made = random.Random(3)
    for _ in range(2000):
        for alphabet, length in ((HEX, 40), (HEX, 64), (LETTERS, 22), (LETTERS + "+/", 200)):
            text = "id " + "".join(made.choice(alphabet) for _ in range(length))
            assert redact_text(text) is text


@pytest.mark.parametrize("text", [*CONTEXTS.values()])
def test_redacting_twice_changes_nothing(text: str) -> None:
    once = redact_text(text.format(Canaries(0).core()))
    assert redact_text(once) is once


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://me:hunter2@host/a/b.git", "https://host/a/b.git"),
        ("https://me@host/a.git", "https://host/a.git"),
        ("https://host/a@b", "https://host/a@b"),
        ("https://host/a?access_token=abcdef123456", f"https://host/a?access_token={REDACTED}"),
        ("ssh://git@host/a.git", "ssh://git@host/a.git"),
        ("ssh://git:hunter2@host/a.git", "ssh://host/a.git"),
        ("git@host:a/b.git", "git@host:a/b.git"),
        ("https://a:p/w@host/a.git", "https://host/a.git"),
        ("https://host:8080/a@b", "https://host:8080/a@b"),
        ("/srv/git/a.git", "/srv/git/a.git"),
        ("", ""),
    ],
)
def test_an_address_loses_its_user_and_password(url: str, expected: str) -> None:
    assert redact_url(url) == expected


def test_arguments_lose_the_values_of_secret_options() -> None:
    arguments = [
        "train.py", "--api-key", "abc", "--password=x y", "-token", "q", "model.token=abc", "+hub.token=abc", "--tokenizer",
        "bpe", "--pad-token", "<pad>", "--num_tokens=3", "--password", "--verbose", "--token=none", "--db-password", "-p4ss",
        "https://me:hunter2@host/",
    ]  # fmt: skip
    assert redact_arguments(arguments) == [
        "train.py", "--api-key", REDACTED, f"--password={REDACTED}", "-token", REDACTED, f"model.token={REDACTED}",
        f"+hub.token={REDACTED}", "--tokenizer", "bpe", "--pad-token", "<pad>", "--num_tokens=3", "--password", "--verbose",
        "--token=none", "--db-password", REDACTED, f"https://me:{REDACTED}@host/",
    ]  # fmt: skip


def test_config_loses_values_by_name_and_by_shape_however_deep() -> None:
    canaries = Canaries(4)
    config = {
        "api_key": "x",
        "password": "",
        "tokenizer": "bpe",
        "num_tokens": 5,
        "max_token_length": "512",
        "secret_santa_count": "3",
        "secret": 7,
        "db": {"user": "me", "accessToken": "x", "urls": [f"http://me:{canaries.core()}@host"]},
        "credentials": {"user": "me", "all": ["a", ("b", 1)]},
        "note": canaries.token("github"),
        "pad_token": "<pad>",
        "raw_secret": b"abc",
        "layers": (64, 64),
    }
    redacted = redact_mapping(config)
    assert canaries.leaks(repr(redacted)) == []
    assert redacted == {
        "api_key": REDACTED,
        "password": "",
        "tokenizer": "bpe",
        "num_tokens": 5,
        "max_token_length": "512",
        "secret_santa_count": "3",
        "secret": 7,
        "db": {"user": "me", "accessToken": REDACTED, "urls": [f"http://me:{REDACTED}@host"]},
        "credentials": {"user": REDACTED, "all": [REDACTED, (REDACTED, 1)]},
        "note": REDACTED,
        "pad_token": "<pad>",
        "raw_secret": REDACTED,
        "layers": (64, 64),
    }


def test_a_config_that_holds_itself_ends() -> None:
    config: dict[str, Any] = {"a": 1}
    config["itself"] = config
    assert redact_mapping(config)["itself"]["itself"]["a"] == 1


@pytest.mark.parametrize(
    "name",
    [
        "api_key", "apiKey", "APIKey", "apikey", "OPENAI_API_KEY", "MY_KEY", "password", "db.password", "PGPASSWORD",
        "DB_PASS",
        "passphrase", "secret", "client-secret", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "aws_session_token", "token",
        "HF_TOKEN", "hub_token", "push_to_hub_token", "accessToken", "auth_token", "api_tokens", "private_key", "credentials",
        "API_KEY_PROD", "SECRET_KEY_BASE", "REDISCLI_AUTH", "GITHUB_PAT", "--api-key", "X-Api-Key", "Authorization",
        "TRACKD_TOKEN",
    ],
)  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "", "tokenizer", "TOKENIZERS_PARALLELISM", "num_tokens", "max_tokens", "max_token_length", "tokens_per_second",
        "secret_santa_count", "pad_token", "eos_token", "bos_token_id", "mask_token", "additional_special_tokens",
        "image_token", "num_key_value_heads",
        "key", "keys", "image_key", "sort_key", "IMAGE_KEY", "monitor_key", "keypoints", "monkey", "key_proj",
        "passes", "bypass", "two_pass", "PWD", "OLDPWD", "SSH_AUTH_SOCK", "XAUTHORITY", "author", "public_key", "PATH",
        "HF_TOKEN_PATH", "password_file", "sigma", "compass", "dispatch", "pattern", "patience",
    ],
)  # fmt: skip
def test_names_of_no_secrets(name: str) -> None:
    assert not is_secret_name(name)


def test_values_of_secret_variables_are_known() -> None:
    environ = {
        "WANDB_API_KEY": "correct horse battery",
        "DB_PASSWORD": "correct horse",
        "X_TOKEN": "short",
        "DEPLOY_SECRET": "first line of it\nsecond line of it",
        "GOOGLE_APPLICATION_CREDENTIALS": "/home/user/account.json",
        "HOME": "/home/user",
    }
    redact = Redactor(environ).redact
    assert redact("a correct horse battery b, correct horse c") == f"a {REDACTED} b, {REDACTED} c"
    assert redact("second line of it") == REDACTED
    for line in ("a short line", "/home/user/account.json", "/home/user/data"):
        assert redact(line) is line


def test_only_listed_variables_are_kept_and_none_with_a_secret() -> None:
    canaries = Canaries(5)
    secret = canaries.core()
    environ = {
        "SLURM_JOB_ID": "12345",
        "SLURM_JWT": canaries.core(),
        "RANK": "0",
        "NCCL_DEBUG": "INFO",
        "CUDA_VISIBLE_DEVICES": "0,1",
        "TRACKD_MODE": "offline",
        "TRACKD_TOKEN": secret,
        "PYTORCH_NOTE": f"uses {secret} here",
        "SLURM_COMMENT": f"--password {canaries.core()}",
        "HOME": "/home/user",
        "OPENAI_API_KEY": canaries.core(),
        "RANKING": "3",
    }
    assert kept_environment(environ) == {
        "SLURM_JOB_ID": "12345",
        "RANK": "0",
        "NCCL_DEBUG": "INFO",
        "CUDA_VISIBLE_DEVICES": "0,1",
        "TRACKD_MODE": "offline",
        "PYTORCH_NOTE": f"uses {REDACTED} here",
        "SLURM_COMMENT": f"--password {REDACTED}",
    }


def test_two_hundred_canaries_of_all_kinds_leave_no_trace() -> None:
    canaries = Canaries(6)
    kinds = [*TOKENS, *CONTEXTS]
    assert len(kinds) >= 60
    plain: list[str] = []
    environ: dict[str, str] = {}
    config: dict[str, Any] = {}
    arguments: list[str] = ["train.py"]
    for number in range(200):
        kind = kinds[number % len(kinds)]
        text = CONTEXTS[kind].format(canaries.core()) if kind in CONTEXTS else canaries.token(kind)
        place = number // len(kinds)
        if place == 0:
            plain.append(f"step {number}: {text}")
            plain.append(f"GET https://example.org/{number}?q={text}")
        elif place == 1:
            arguments += [f"--option-{number}", text, f"--name-{number}={text}"]
            config[f"option_{number}"] = {"nested": [text]}
        else:
            environ[f"SERVICE_{number}_TOKEN"] = secret = canaries.core()
            environ[f"SLURM_COMMENT_{number}"] = text
            plain.append(f"connecting with {secret}")
            arguments += ["--api-key", canaries.core(), f"--password={canaries.core()}"]
            config[f"secret_{number}"] = canaries.core()
    assert len(canaries.cores) >= 200
    redactor = Redactor(environ)
    output = "\n".join(
        [
            *map(redactor.redact, plain),
            *redact_arguments(arguments),
            repr(redact_mapping(config)),
            repr(kept_environment(environ)),
        ]
    )
    assert canaries.leaks("\n".join([*plain, repr(environ)])) != []
    assert canaries.leaks(output) == []


ADVERSARIAL: dict[str, Callable[[int], str]] = {
    "one word": lambda n: "a" * n,
    "token starts": lambda n: "eyJ" * (n // 3),
    "refused token starts": lambda n: "ask-ant-x" * (n // 9),
    "names": lambda n: "token=" * (n // 6),
    "names with quotes": lambda n: "password='" * (n // 10),
    "names with escapes": lambda n: 'key=\\"' * (n // 6),
    "options": lambda n: "--token " * (n // 8),
    "long names": lambda n: "my-token_" * (n // 9),
    "addresses": lambda n: "://a:" * (n // 5),
    "users": lambda n: "a@b:c@" * (n // 6),
    "private keys": lambda n: "-----BEGIN PRIVATE KEY-----" * (n // 27),
    "dashes": lambda n: "-" * n,
    "spaces": lambda n: "password" + " " * n,
    "spaces between": lambda n: "login " * (n // 6),
    "backslashes": lambda n: "token=" + "\\" * n,
    "colours": lambda n: "\x1b[0m" * (n // 4),
    "digits": lambda n: "1234567890" * (n // 10),
    "hexadecimal": lambda n: "SK" + "0f" * (n // 2),
    "dots": lambda n: "SG." * (n // 3),
    "bearers": lambda n: "bearer " * (n // 7),
    "json": lambda n: '"username":"a","key":' * (n // 21),
    "quoted": lambda n: 'secret="' + "a" * n,
    "discord": lambda n: "MTAw" * (n // 4),
}


@pytest.mark.parametrize("kind", ADVERSARIAL)
def test_the_time_is_linear_in_any_text(kind: str) -> None:
    redact_text("password=x")  # compiles

    def seconds(length: int) -> float:
        text = ADVERSARIAL[kind](length)
        began = time.process_time()
        redact_text(text)
        return time.process_time() - began

    # A quadratic expression needs minutes for 100 kB; ours some 10 ms to 150 ms.
    assert seconds(100_000) < 1.5
    assert seconds(400_000) < 6


def test_a_short_clean_line_costs_microseconds() -> None:
    line = "epoch 3 step 1200 loss=0.1234 lr=1e-4"

    def seconds() -> float:
        began = time.process_time()
        for _ in range(1000):
            redact_text(line)
        return (time.process_time() - began) / 1000

    assert min(seconds() for _ in range(20)) < 8e-6  # 1.5 µs when nothing else is at work


def test_the_expression_is_not_compiled_for_clean_lines() -> None:
    _redact._pattern.cache_clear()
    for line in ("epoch 3 loss=0.1", "/home/user/project/train.py", "--learning-rate=0.1", "0,1,2,3"):
        assert redact_text(line) is line
    assert _redact._pattern.cache_info().currsize == 0
