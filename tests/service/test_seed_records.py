"""Owns the test that the documented examples of wandb which log records run as they are written, each as a program.

Each example stands as its page has it (S0 to S4 are the pages), with `import trackd as wandb`; what the page leaves to the
reader, such as a file or a list of losses, is put in front. The assertions read back what the program logged.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage
from tests.service.recording import read_one
from tests.service.scripts import RunScript

import trackd

OBJ = b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"
GLTF = b'{"asset": {"version": "2.0"}}'
GLB = b"glTF\x02\x00\x00\x00\x0c\x00\x00\x00"


@dataclass
class Logged:
    """What a program left."""

    run: Any
    rows: list[dict[str, Any]]

    def only(self, key: str) -> Any:
        """Returns the value of a metric that was logged once."""
        (value,) = [row[key] for row in self.rows if key in row]
        return value


Check = Callable[[Logged], None]

EXAMPLES: dict[str, tuple[str, Check]] = {}


def example(source: str) -> Callable[[Check], Check]:
    """Registers a program and what must be read back of it."""

    def register(check: Check) -> Check:
        EXAMPLES[check.__name__.removeprefix("check_")] = source, check
        return check

    return register


# -- S0: log ---------------------------------------------------------------------------------------------------------


@example("""
    import numpy as np
    import trackd as wandb

    # sample gradients at random from normal distribution
    gradients = np.random.randn(100, 100)
    with wandb.init() as run:
        run.log({"gradients": wandb.Histogram(gradients)})
""")
def check_s0_histogram(logged: Logged) -> None:
    counts, edges = logged.only("gradients").histogram()
    assert (counts.sum(), len(counts), len(edges)) == (10_000, 64, 65)


@example("""
    import numpy as np
    import trackd as wandb

    with wandb.init() as run:
        examples = []
        for i in range(3):
            pixels = np.random.randint(low=0, high=256, size=(100, 100, 3))
            image = wandb.Image(pixels, caption=f"random field {i}")
            examples.append(image)
        run.log({"examples": examples})
""")
def check_s0_images_of_numpy(logged: Logged) -> None:
    images = logged.only("examples").records
    assert [image.caption for image in images] == [f"random field {i}" for i in range(3)]
    assert {image.array().shape for image in images} == {(100, 100, 3)}


@example("""
    import numpy as np
    from PIL import Image as PILImage
    import trackd as wandb

    with wandb.init() as run:
        examples = []
        for i in range(3):
            pixels = np.random.randint(
                low=0,
                high=256,
                size=(100, 100, 3),
                dtype=np.uint8,
            )
            pil_image = PILImage.fromarray(pixels, mode="RGB")
            image = wandb.Image(pil_image, caption=f"random field {i}")
            examples.append(image)
        run.log({"examples": examples})
""")
def check_s0_images_of_pil(logged: Logged) -> None:
    check_s0_images_of_numpy(logged)


@example("""
    import numpy as np
    import trackd as wandb

    with wandb.init() as run:
        # axes are (time, channel, height, width)
        frames = np.random.randint(
            low=0,
            high=256,
            size=(10, 3, 100, 100),
            dtype=np.uint8,
        )
        run.log({"video": wandb.Video(frames, fps=4)})
""")
def check_s0_video_of_numpy(logged: Logged) -> None:
    video = logged.only("video")
    assert (video["frame_count"], video["frames_per_second"], video["width"], video["height"]) == (
        10,
        4,
        100,
        100,
    )
    assert video.array().shape == (10, 100, 100, 3)


@example("""
    from matplotlib import pyplot as plt
    import numpy as np
    import trackd as wandb

    with wandb.init() as run:
        fig, ax = plt.subplots()
        x = np.linspace(0, 10)
        y = x * x
        ax.plot(x, y)  # plot y = x^2
        run.log({"chart": fig})
""")
def check_s0_matplotlib(logged: Logged) -> None:
    chart = logged.only("chart")
    assert chart["language"] == "plotly"
    assert np.allclose(chart.specification()["data"][0]["y"], np.linspace(0, 10) ** 2)


CLASSIFIER = """
    import numpy as np
    y_test = np.array([0, 1, 2, 1, 0, 2])
    y_probas = np.array([[.8, .1, .1], [.2, .7, .1], [.1, .2, .7], [.3, .4, .3], [.4, .5, .1], [.1, .1, .8]])
    labels = ["bird", "cat", "dog"]
"""


@example(
    CLASSIFIER
    + """
    import trackd as wandb

    with wandb.init() as run:
        run.log({"pr": wandb.plot.pr_curve(y_test, y_probas, labels)})
"""
)
def check_s0_pr_curve(logged: Logged) -> None:
    chart = logged.only("pr")
    assert chart["preset_id"] == "trackd/area-under-curve/v0"
    assert set(chart.get_column("class")) == {"bird", "cat", "dog"}


@example("""
    import trackd as wandb

    with wandb.init() as run:
        run.log(
            {
                "generated_samples": [
                    wandb.Object3D(open("sample.obj")),
                    wandb.Object3D(open("sample.gltf")),
                    wandb.Object3D(open("sample.glb")),
                ]
            }
        )
""")
def check_s0_objects(logged: Logged) -> None:
    samples = logged.only("generated_samples").records
    assert [(sample["file_type"], sample.read()) for sample in samples] == [
        ("obj", OBJ),
        ("gltf", GLTF),
        ("glb", GLB),
    ]


@example("""
    import trackd as wandb

    with wandb.init() as run:
        run.log({"example": wandb.Image("myimage.jpg")})
""")
def check_s0_image_of_a_path(logged: Logged) -> None:
    image = logged.only("example")
    assert image["file"]["media_type"] == "image/jpeg"
    assert image.read()[:3] == b"\xff\xd8\xff"
    assert image["file"]["name"] == "myimage.jpg"


# -- S1: wandb.log() -------------------------------------------------------------------------------------------------


@example("""
    import numpy as np
    import trackd as wandb
    wandb.init()
    numpy_array_or_sequence = [0.5, 1.5, 1.5]
    data = np.arange(100)

    wandb.log({"gradients": wandb.Histogram(numpy_array_or_sequence)})
    wandb.run.summary.update({"gradients": wandb.Histogram(np_histogram=np.histogram(data))})
""")
def check_s1_histograms(logged: Logged) -> None:
    assert sum(logged.only("gradients")["counts"]) == 3
    assert logged.run.summary["gradients"]["counts"] == [10] * 10


@example("""
    import numpy as np
    import trackd as wandb
    wandb.init()
    numpy_array_or_pil = np.zeros((10, 10))

    wandb.log({"examples": [wandb.Image(numpy_array_or_pil, caption="Label")]})
""")
def check_s1_images(logged: Logged) -> None:
    (image,) = logged.only("examples").records
    assert image.caption == "Label"
    assert not image.array().any()


@example("""
    import trackd as wandb
    wandb.init()
    x_values, y_values = [1, 2, 3], [0.5, 0.25, 0.125]

    data = [[x, y] for (x, y) in zip(x_values, y_values)]
    table = wandb.Table(data=data, columns = ["x", "y"])
    wandb.log({"my_custom_plot_id" : wandb.plot.line(table, "x", "y",
               title="Custom Y vs X Line Plot")})
""")
def check_s1_line(logged: Logged) -> None:
    chart = logged.only("my_custom_plot_id")
    assert (chart["preset_id"], chart["fields"]) == ("trackd/line/v0", {"x": "x", "y": "y"})
    assert chart["strings"]["title"] == "Custom Y vs X Line Plot"
    assert chart.rows() == [[1, 0.5], [2, 0.25], [3, 0.125]]


@example("""
    import trackd as wandb
    wandb.init()
    data = [[0, 1.5], [1, 1.75]]

    # Create a table with the columns to plot
    table = wandb.Table(data=data, columns=["step", "height"])

    # Map from the table's columns to the chart's fields
    fields = {"x": "step",
              "value": "height"}

    # Use the table to populate the new custom chart preset
    # To use your own saved chart preset, change the vega_spec_name
    my_custom_chart = wandb.plot_table(vega_spec_name="carey/new_chart",
                  data_table=table,
                  fields=fields,
                  )
    wandb.log({"custom": my_custom_chart})
""")
def check_s1_custom_preset(logged: Logged) -> None:
    chart = logged.only("custom")
    assert (chart["preset_id"], chart["fields"]) == ("carey/new_chart", {"x": "step", "value": "height"})
    assert chart.rows() == [[0, 1.5], [1, 1.75]]


@example("""
    import trackd as wandb
    wandb.init()

    import matplotlib.pyplot as plt
    plt.plot([1, 2, 3, 4])
    plt.ylabel('some interesting numbers')
    wandb.log({"chart": plt})
""")
def check_s1_pyplot(logged: Logged) -> None:
    specification = logged.only("chart").specification()
    assert specification["data"][0]["y"] == [1, 2, 3, 4]
    assert "some interesting numbers" in json.dumps(specification["layout"])


@example("""
    import trackd as wandb
    wandb.init()

    import matplotlib.pyplot as plt
    plt.plot([1, 2, 3, 4])
    wandb.log({"chart": wandb.Image(plt)})
""")
def check_s1_pyplot_as_an_image(logged: Logged) -> None:
    image = logged.only("chart")
    assert image["file"]["media_type"] == "image/png"
    assert image.array().shape[2] >= 3


@example("""
    import trackd as wandb
    wandb.init()

    wandb.log({"generated_samples":
               [wandb.Object3D(open("sample.obj")),
                wandb.Object3D(open("sample.gltf")),
                wandb.Object3D(open("sample.glb"))]})
""")
def check_s1_objects(logged: Logged) -> None:
    check_s0_objects(logged)


@example("""
    import numpy as np
    import trackd as wandb
    run = wandb.init(project="project", id="run_id")
    run.finish()

    api = wandb.Api()
    run = api.run("username/project/run_id")
    run.summary["tensor"] = np.random.random(1000)
    run.summary.update()
""")
def check_s1_tensor_in_the_summary(logged: Logged) -> None:
    assert logged.run.path == "project/run_id"
    tensor = logged.run.summary["tensor"]
    array = tensor.array()
    assert array.shape == (1000,)
    assert (tensor["min"], tensor["max"]) == (array.min(), array.max())
    assert tensor["mean"] == pytest.approx(array.mean())
    assert tensor["variance"] == pytest.approx(array.var())
    assert tensor["percentile_95"] == pytest.approx(np.percentile(array, 95))


@example("""
    import numpy as np
    import trackd as wandb
    wandb.init()
    images = [np.full((4, 4), i / 10) for i in range(5)]

    wandb.log({"example": wandb.Image(images[0])})
    # Or multiple images
    wandb.log({"example": [wandb.Image(img) for img in images]})
""")
def check_s1_png(logged: Logged) -> None:
    first, several = (row["example"] for row in logged.rows)
    assert first["file"]["media_type"] == "image/png"
    assert [int(image.array()[0, 0]) for image in several.records] == [0, 26, 51, 76, 102]


@example("""
    import numpy as np
    import PIL.Image as PIL
    import trackd as wandb
    wandb.init()

    im = PIL.fromarray(np.zeros((20, 30, 4), np.uint8))
    rgb_im = im.convert('RGB')
    rgb_im.save('drawn.jpg')
    wandb.log({"example": wandb.Image("drawn.jpg")})
""")
def check_s1_jpeg(logged: Logged) -> None:
    image = logged.only("example")
    assert (image["file"]["media_type"], image["width"], image["height"]) == ("image/jpeg", 30, 20)


@example("""
    import trackd as wandb
    wandb.init()

    wandb.log({"example": wandb.Video("myvideo.mp4")})
""")
def check_s1_video(logged: Logged) -> None:
    video = logged.only("example")
    assert (video["file"]["media_type"], video["file"]["name"], video["frame_count"]) == (
        "video/mp4",
        "myvideo.mp4",
        3,
    )


@example("""
    import numpy as np
    import trackd as wandb
    wandb.init()
    example_images = [wandb.Image(np.zeros((2, 2)), caption=str(i)) for i in range(3)]
    test_loader = type("Loader", (), {"dataset": range(50)})
    correct, test_loss = 40, 0.3

    wandb.log({
            "Examples": example_images,
            "Test Accuracy": 100. * correct / len(test_loader.dataset),
            "Test Loss": test_loss})
""")
def check_s1_images_beside_numbers(logged: Logged) -> None:
    assert [image.caption for image in logged.only("Examples").records] == ["0", "1", "2"]
    assert (logged.only("Test Accuracy"), logged.only("Test Loss")) == (80.0, 0.3)


# -- S3: log ---------------------------------------------------------------------------------------------------------


@example("""
    import numpy as np
    import trackd as wandb
    wandb.init()
    numpy_array_or_video_path = np.zeros((4, 3, 8, 8), np.uint8)

    wandb.log({"video": wandb.Video(numpy_array_or_video_path, fps=4,
        format="gif")})
""")
def check_s3_video(logged: Logged) -> None:
    video = logged.only("video")
    assert (video["file"]["media_type"], video["frame_count"]) == ("image/gif", 4)
    assert video.array().shape == (4, 8, 8, 3)


@example("""
    import trackd as wandb
    wandb.init()

    wandb.log({"video": wandb.Video("myvideo.mp4", fps=4,
        format="gif")})
""")
def check_s3_video_of_a_path(logged: Logged) -> None:
    assert logged.only("video")["file"]["media_type"] == "video/mp4"  # the file is what it is


@example("""
    from matplotlib import pyplot as plt
    import trackd as wandb
    wandb.init()
    plt.plot([3, 1, 2])

    wandb.log({"chart": plt})
""")
def check_s3_pyplot(logged: Logged) -> None:
    assert logged.only("chart").specification()["data"][0]["y"] == [3, 1, 2]


@example(
    CLASSIFIER
    + """
    import trackd as wandb
    wandb.init()

    wandb.log({'pr': wandb.plots.precision_recall(y_test, y_probas, labels)})
"""
)
def check_s3_precision_recall(logged: Logged) -> None:
    check_s0_pr_curve(logged)


# -- S4: questions about logging -------------------------------------------------------------------------------------


@example("""
    import trackd as wandb
    wandb.init()
    losses = [0.5, 0.25, 0.125]

    wandb.log({"losses": wandb.Histogram(losses)})  # converts losses to a histogram
    wandb.log({f"losses/loss-{ii}": loss for ii, loss in enumerate(losses)})
""")
def check_s4_losses(logged: Logged) -> None:
    assert sum(logged.only("losses")["counts"]) == 3
    assert [logged.only(f"losses/loss-{index}") for index in range(3)] == [0.5, 0.25, 0.125]


@example("""
    import trackd as wandb
    wandb.init()
    x_data, y_data = [0, 1, 2], [[1, 2, 3], [3, 2, 1]]

    wandb.log(
        {
            "my_plot": wandb.plot.line_series(
                xs=x_data, ys=y_data, keys=["metric_A", "metric_B"]
            )
        }
    )
""")
def check_s4_line_series(logged: Logged) -> None:
    chart = logged.only("my_plot")
    assert chart["preset_id"] == "trackd/lineseries/v0"
    assert chart.get_column("lineKey") == ["metric_A"] * 3 + ["metric_B"] * 3
    assert chart.get_column("lineVal") == [1, 2, 3, 3, 2, 1]


@example("""
    import trackd as wandb
    import plotly.express as px

    # Initialize a new run
    run = wandb.init(project="log-plotly-fig-tables", name="plotly_html")

    # Create a table
    table = wandb.Table(columns=["plotly_figure"])

    # Create path for Plotly figure
    path_to_plotly_html = "./plotly_figure.html"

    # Example Plotly figure
    fig = px.scatter(x=[0, 1, 2, 3, 4], y=[0, 1, 4, 9, 16])

    # Write Plotly figure to HTML
    # Set auto_play to False prevents animated Plotly charts
    # from playing in the table automatically
    fig.write_html(path_to_plotly_html, auto_play=False)

    # Add Plotly figure as HTML file into Table
    table.add_data(wandb.Html(path_to_plotly_html))

    # Log Table
    run.log({"test_table": table})
    wandb.finish()
""")
def check_s4_plotly_in_a_table(logged: Logged) -> None:
    table = logged.only("test_table")
    ((page,),) = table.rows()
    assert table.columns == ["plotly_figure"]
    assert b"<html>" in page.read()[:100]
    assert page["file"]["name"] == "plotly_figure.html"


@example("""
    import trackd as wandb

    html_file_name = "audio_with_plot.html"
    open(html_file_name, "w").write("<div>drawn by Bokeh</div>")

    wandb_html = wandb.Html(html_file_name)
    run = wandb.init(project="audio_test")
    my_table = wandb.Table(columns=["audio_with_plot"], data=[[wandb_html], [wandb_html]])
    run.log({"audio_table": my_table})
    run.finish()
""")
def check_s4_html_in_a_table(logged: Logged) -> None:
    (first,), (second,) = logged.only("audio_table").rows()
    assert first.text() == "<div>drawn by Bokeh</div>"
    assert first["file"]["sha256"] == second["file"]["sha256"]


# -- running them ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def video(module_store: Path) -> bytes:
    """Gives a small MP4."""
    assert module_store.is_dir()
    frames = np.random.default_rng(0).integers(0, 256, (3, 3, 16, 16), np.uint8)
    return read_one(trackd.Video(frames, format="mp4")).read()


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs_as_it_is_written(
    name: str, project: str, script: RunScript, tmp_path: Path, video: bytes
) -> None:
    source, check = EXAMPLES[name]
    sink = io.BytesIO()
    PillowImage.fromarray(np.zeros((8, 8, 3), np.uint8)).save(sink, "JPEG")
    files = {
        "sample.obj": OBJ,
        "sample.gltf": GLTF,
        "sample.glb": GLB,
        "myimage.jpg": sink.getvalue(),
        "myvideo.mp4": video,
    }
    for path, content in files.items():
        (tmp_path / path).write_bytes(content)
    api = trackd.Api(timeout=60)
    before = {run.path for each in api.projects() for run in api.runs(each.name)}
    ended = script(source, env={"MPLBACKEND": "Agg"})
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    (run,) = [run for each in api.projects() for run in api.runs(each.name) if run.path not in before]
    assert run.state == "finished"
    assert run.project in (project, "log-plotly-fig-tables", "audio_test", "project")
    run.load()
    check(Logged(run, list(run.scan_history())))
    assert run.ingest_health["refused_count"] == 0
