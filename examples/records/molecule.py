"""Logs molecules: a chain of alanine that folds into a helix as PDB, benzene as SDF, and water as XYZ."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

import trackd

STEPS = 6
Point = npt.NDArray[np.float64]  # ångström

BENZENE = """benzene
  example

 12 12  0  0  0  0  0  0  0  0999 V2000
    1.3900    0.0000    0.0000 C   0  0
    0.6950    1.2038    0.0000 C   0  0
   -0.6950    1.2038    0.0000 C   0  0
   -1.3900    0.0000    0.0000 C   0  0
   -0.6950   -1.2038    0.0000 C   0  0
    0.6950   -1.2038    0.0000 C   0  0
    2.4800    0.0000    0.0000 H   0  0
    1.2400    2.1477    0.0000 H   0  0
   -1.2400    2.1477    0.0000 H   0  0
   -2.4800    0.0000    0.0000 H   0  0
   -1.2400   -2.1477    0.0000 H   0  0
    1.2400   -2.1477    0.0000 H   0  0
  1  2  2  0
  2  3  1  0
  3  4  2  0
  4  5  1  0
  5  6  2  0
  6  1  1  0
  1  7  1  0
  2  8  1  0
  3  9  1  0
  4 10  1  0
  5 11  1  0
  6 12  1  0
M  END
$$$$
"""
WATER = """3
water
O  0.0000 0.1173 0.0000
H  0.7572 -0.4692 0.0000
H  -0.7572 -0.4692 0.0000
"""


def rows(seed: int = 0) -> Iterator[dict[str, Any]]:
    """Yields what each step logs; the small molecules only once."""
    residues = int(np.random.default_rng(seed).integers(14, 22))
    for step in range(STEPS):
        folded = step / (STEPS - 1)
        chain = peptide(residues, phi=-120 + 62 * folded, psi=130 - 177 * folded)
        row = {"molecules/peptide": trackd.Molecule(chain, caption=f"{folded:.0%} folded", file_type="pdb")}
        if step == 0:
            row["molecules/benzene"] = trackd.Molecule(io.StringIO(BENZENE), "an open file", file_type="sdf")
            row["molecules/water"] = trackd.Molecule(WATER.encode(), "bytes", file_type="xyz")
        yield row


def peptide(residues: int, phi: float, psi: float) -> bytes:
    """Writes a chain of alanine as PDB, turned by `phi` and `psi` degrees at each residue."""
    backbone = [np.array([0.0, 0, 0]), np.array([1.458, 0, 0]), np.array([2.009, 1.420, 0])]  # N, CA, C
    lines: list[str] = []
    for residue in range(residues):
        n, ca, c = backbone[-3:]
        atoms = {
            "N": n,
            "CA": ca,
            "C": c,
            "O": place(n, ca, c, 1.231, 120.4, psi + 180),
            "CB": place(c, n, ca, 1.521, 110.1, -122.6),
        }
        for name, (x, y, z) in atoms.items():
            lines.append(
                f"ATOM  {len(lines) + 1:5d}  {name:3s} ALA A{residue + 1:4d}    {x:8.3f}{y:8.3f}{z:8.3f}"
                f"  1.00  0.00          {name[0]:>2s}"
            )
        for length, angle, turn in ((1.329, 116.6, psi), (1.458, 121.7, 180), (1.525, 111.0, phi)):
            first, second, third = backbone[-3:]
            backbone.append(place(first, second, third, length, angle, turn))
    return "\n".join([*lines, "END", ""]).encode()


def place(first: Point, second: Point, third: Point, length: float, angle: float, turn: float) -> Point:
    """Returns the atom that is bound to `third` at this length, bond angle and dihedral angle, in degrees."""
    bend, twist = np.radians(angle), np.radians(turn)
    along = (third - second) / np.linalg.norm(third - second)
    up = np.cross(second - first, along)
    up /= np.linalg.norm(up)
    side = np.cross(up, along)
    arm = -np.cos(bend) * along + np.sin(bend) * (np.cos(twist) * side + np.sin(twist) * up)
    atom: Point = third + length * arm
    return atom


if __name__ == "__main__":
    with trackd.init(project="records", name="molecule") as run:
        for row in rows():
            run.log(row)
