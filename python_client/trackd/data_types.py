"""The typed records that `run.log` takes, under one name each.

    from trackd.data_types import Image, Table

All of them are in `trackd` itself, too.
"""

from trackd._audio import Audio
from trackd._figure import Bokeh, Plotly
from trackd._histogram import Histogram
from trackd._html import Html, Markdown
from trackd._image import Image
from trackd._molecule import Molecule
from trackd._object_3d import Object3D, box3d
from trackd._overlays import BoundingBoxes2D, Classes, ImageMask
from trackd._table import Table
from trackd._video import Video

__all__ = [
    "Audio",
    "Bokeh",
    "BoundingBoxes2D",
    "Classes",
    "Histogram",
    "Html",
    "Image",
    "ImageMask",
    "Markdown",
    "Molecule",
    "Object3D",
    "Plotly",
    "Table",
    "Video",
    "box3d",
]
