"""`Molecule`: structure files byte for byte; RDKit where it is installed, and one sentence where it is not."""

import io
import pathlib
import sys
import types
from typing import Any

import pytest
from tests.unit.encoded import Encoded, raises

from trackd._molecule import FILE_TYPES, Molecule


@pytest.mark.parametrize("file_type", FILE_TYPES)
def test_a_file_is_kept_byte_for_byte(file_type: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / f"caffeine.{file_type}"
    path.write_bytes(b"ATOM")
    for record in (
        Molecule(path, caption="c"),
        Molecule(io.BytesIO(b"ATOM"), caption="c", file_type=file_type),
        Molecule(io.StringIO("ATOM"), "c", file_type=file_type.upper()),
    ):
        encoded = Encoded(record)
        message = encoded.message.molecule
        assert encoded.bytes_of(message.encoded) == b"ATOM"
        assert (message.file_type, message.caption) == (file_type, "c")


@pytest.mark.parametrize(
    ("error", "words", "data"),
    [
        (TypeError, "int|path|from_rdkit", 5),
        (FileNotFoundError, "no file|a.pdb", "a.pdb"),
        (ValueError, "BytesIO|type|pdb", io.BytesIO(b"ATOM")),
        (ValueError, "0 bytes", io.BytesIO()),
    ],
)
def test_what_is_no_molecule_says_why(error: type[Exception], words: str, data: Any) -> None:
    raises(error, words, lambda: Molecule(data))


def test_a_file_of_another_type_says_so(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "notes.doc"
    path.write_bytes(b"x")
    raises(ValueError, "notes.doc|'doc'|pdb, pqr", lambda: Molecule(path))


def test_without_rdkit_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rdkit", None)
    raises(ImportError, "RDKit is not installed|pip install rdkit", lambda: Molecule.from_smiles("CCO"))
    raises(ImportError, "RDKit is not installed|pip install rdkit", lambda: Molecule.from_rdkit("a.mol"))


class Mol:
    """What a molecule of RDKit is to the client."""

    def __init__(self, steps: list[str]) -> None:
        self.steps = steps


@pytest.fixture
def rdkit(monkeypatch: pytest.MonkeyPatch) -> list[Mol | None]:
    """Puts a stand-in for RDKit into place; what it reads is the first item."""
    read: list[Mol | None] = [Mol([])]
    chem: Any = types.ModuleType("rdkit.Chem")
    force_field: Any = types.ModuleType("rdkit.Chem.AllChem")
    chem.Mol = Mol
    chem.MolFromSmiles = lambda text, sanitize: read[0] if text == "CCO" and sanitize else None
    chem.MolFromMolFile = chem.MolFromMol2File = chem.MolFromPDBFile = lambda path: read[0]
    chem.SDMolSupplier = lambda path: iter(read)
    chem.AddHs = lambda molecule: Mol([*molecule.steps, "hydrogens"])
    chem.MolToPDBBlock = lambda molecule: ",".join(molecule.steps)
    force_field.EmbedMolecule = lambda molecule: -1 if "flat" in molecule.steps else 0
    force_field.MMFFOptimizeMolecule = lambda molecule, maxIters: molecule.steps.append(str(maxIters))  # noqa: N803
    for name, module in (
        ("rdkit", types.ModuleType("rdkit")),
        ("rdkit.Chem", chem),
        ("rdkit.Chem.AllChem", force_field),
    ):
        monkeypatch.setitem(sys.modules, name, module)
    return read


def text(molecule: Molecule) -> str:
    encoded = Encoded(molecule)
    assert encoded.message.molecule.file_type == "pdb"
    return encoded.bytes_of(encoded.message.molecule.encoded).decode()


def test_rdkit_makes_the_coordinates(rdkit: list[Mol | None], tmp_path: pathlib.Path) -> None:
    assert text(Molecule.from_smiles("CCO", mmff_optimize_molecule_max_iterations=7)) == "hydrogens,7"
    flat = Mol(["flat"])
    assert text(Molecule.from_rdkit(flat, convert_to_3d_and_optimize=False)) == "flat"
    raises(ValueError, "no coordinates", lambda: Molecule.from_rdkit(flat))
    for ending in ("mol", "mol2", "pdb", "sdf"):
        path = tmp_path / f"a.{ending}"
        path.touch()
        assert text(Molecule.from_rdkit(path)) == "hydrogens,200"
    rdkit[0] = None
    raises(ValueError, "cannot read|a.pdb", lambda: Molecule.from_rdkit(tmp_path / "a.pdb"))
    raises(ValueError, "cannot read|'CC('", lambda: Molecule.from_smiles("CC("))
    raises(FileNotFoundError, "no file|b.mol", lambda: Molecule.from_rdkit("b.mol"))
    raises(TypeError, "int|rdkit.Chem.Mol", lambda: Molecule.from_rdkit(5))
    other = tmp_path / "a.xyz"
    other.touch()
    raises(ValueError, "'xyz'|mol, mol2, pdb, sdf", lambda: Molecule.from_rdkit(other))
