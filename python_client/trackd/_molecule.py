"""Owns `Molecule`: a structure file, kept byte for byte."""

from __future__ import annotations

import importlib
import os
from typing import Any

from trackd import _content, _record, _wire

FILE_TYPES = ("pdb", "pqr", "mmcif", "mcif", "cif", "sdf", "sd", "gro", "mol2", "mmtf", "xyz")
_OPTIMISE_STEPS = 200  # RDKit's own default for its force field


class Molecule(_record.Record):
    """A molecule, shown in three dimensions.

    Args:
        data_or_path: The path of a structure file (pdb, pqr, mmcif, mcif, cif, sdf, sd, gro, mol2, mmtf, xyz), an open file,
            or the bytes of one; kept byte for byte.
        caption: Text under it.
        file_type: The type of an open file without a name, or of bytes.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is empty, or its type is unknown.
        TypeError: it is no file.
    """

    kind = "molecule"
    field = 6

    def __init__(self, data_or_path: Any, caption: str | None = None, file_type: str | None = None) -> None:
        if not _content.is_content(data_or_path):
            raise TypeError(
                f"Molecule: data is a {type(data_or_path).__name__}; it is a path or an open file; "
                "for an RDKit molecule there is Molecule.from_rdkit()"
            )
        self._content = _content.read(data_or_path, "Molecule", FILE_TYPES, file_type)
        self.caption = None if caption is None else str(caption)

    @classmethod
    def from_rdkit(
        cls,
        data_or_path: Any,
        caption: str | None = None,
        convert_to_3d_and_optimize: bool = True,
        mmff_optimize_molecule_max_iterations: int = _OPTIMISE_STEPS,
    ) -> Molecule:
        """Makes one of an RDKit molecule, or of a file that RDKit reads (mol, mol2, pdb, sdf).

        Args:
            data_or_path: A `rdkit.Chem.Mol`, or a path.
            caption: Text under it.
            convert_to_3d_and_optimize: Whether hydrogens are added and coordinates are computed.
            mmff_optimize_molecule_max_iterations: The most steps of the force field.

        Raises:
            ImportError: RDKit is not installed.
            ValueError: RDKit cannot read the file, or finds no coordinates.
        """
        chem = _rdkit()
        molecule = data_or_path
        if isinstance(data_or_path, str | os.PathLike):
            molecule = _read(chem, os.fspath(data_or_path))
        if not isinstance(molecule, chem.Mol):
            raise TypeError(
                f"Molecule: data is a {type(molecule).__name__}; it is an rdkit.Chem.Mol or a path"
            )
        if convert_to_3d_and_optimize:
            molecule = chem.AddHs(molecule)
            force_field = importlib.import_module("rdkit.Chem.AllChem")
            if force_field.EmbedMolecule(molecule) != 0:
                raise ValueError(
                    "Molecule: RDKit finds no coordinates in 3D for it; pass convert_to_3d_and_optimize=False"
                )
            force_field.MMFFOptimizeMolecule(molecule, maxIters=mmff_optimize_molecule_max_iterations)
        return cls(chem.MolToPDBBlock(molecule).encode(), caption, "pdb")

    @classmethod
    def from_smiles(
        cls,
        data: str,
        caption: str | None = None,
        sanitize: bool = True,
        convert_to_3d_and_optimize: bool = True,
        mmff_optimize_molecule_max_iterations: int = _OPTIMISE_STEPS,
    ) -> Molecule:
        """Makes one of a SMILES text; needs RDKit.

        Args:
            data: The text, such as "CCO".
            caption: Text under it; by default none.
            sanitize: Whether RDKit checks valences and finds aromatic rings.
            convert_to_3d_and_optimize: See `from_rdkit`.
            mmff_optimize_molecule_max_iterations: See `from_rdkit`.

        Raises:
            ImportError: RDKit is not installed.
            ValueError: the text is no SMILES.
        """
        molecule = _rdkit().MolFromSmiles(data, sanitize=sanitize)
        if molecule is None:
            raise ValueError(f"Molecule: RDKit cannot read the SMILES {data!r}")
        return cls.from_rdkit(
            molecule, caption, convert_to_3d_and_optimize, mmff_optimize_molecule_max_iterations
        )

    def encode(self, draft: _record.Draft) -> bytes:
        """Encodes the `Molecule`."""
        return (
            self._content.encode(1, "", draft)
            + _wire.text(2, self._content.file_type)
            + (_wire.text(3, self.caption) if self.caption else b"")
        )


def _rdkit() -> Any:
    try:
        return importlib.import_module("rdkit.Chem")
    except ImportError:
        raise ImportError(
            "Molecule: RDKit is not installed; install it with `pip install rdkit`, or log a structure file"
        ) from None


def _read(chem: Any, path: str) -> Any:
    if not os.path.isfile(path):
        raise FileNotFoundError(f"Molecule: there is no file {path!r}")
    readers = {
        "mol": chem.MolFromMolFile,
        "mol2": chem.MolFromMol2File,
        "pdb": chem.MolFromPDBFile,
        "sdf": lambda name: next(iter(chem.SDMolSupplier(name)), None),
    }
    ending = os.path.splitext(path)[1].lower().lstrip(".")
    if ending not in readers:
        raise ValueError(f"Molecule: {path!r} ends in {ending!r}; RDKit reads {', '.join(readers)}")
    molecule = readers[ending](path)
    if molecule is None:
        raise ValueError(f"Molecule: RDKit cannot read {path!r}")
    return molecule
