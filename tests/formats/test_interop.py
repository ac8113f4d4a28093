"""What other people's programs make of our files: sleap-io, movement, pycocotools, polars and menpo are asked."""

from __future__ import annotations

import json
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from random_tracks import random_tracks

from redtrack import formats
from redtrack.points import NAMES
from redtrack.tracks import Tracks

pytestmark = pytest.mark.filterwarnings("ignore")

TRACKS = random_tracks(frames=45, faces=2, seen=0.8, source="clip.mp4", width=640, height=360)


def library(name: str) -> Any:
    """Returns a module, or skips the test where it is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip(name.partition(".")[0])
        return import_module(name)


@pytest.mark.parametrize("tracks", [TRACKS, random_tracks(frames=72, faces=1)])
def test_movement_reads_sleap_files(tmp_path: Path, tracks: Tracks) -> None:
    """movement takes the axes as they stand: frames, xy, the 68 points by name, faces; every point is where it was."""
    load_poses = library("movement.io.load_poses")
    tracks.save(tmp_path / "x.analysis.h5")
    data = load_poses.from_sleap_file(tmp_path / "x.analysis.h5", fps=30)
    assert dict(data.sizes) == {"time": tracks.frames, "space": 2, "keypoints": 68, "individuals": len(tracks.faces)}
    for face in tracks.faces:
        found = data.position.sel(individuals=f"face_{face}").to_numpy().transpose(0, 2, 1)
        assert np.allclose(found, tracks.dense(face), equal_nan=True)


def test_sleaps_own_importer_sees_the_frames(tmp_path: Path) -> None:
    """SLEAP's program takes `tracks` transposed for frames, nodes, xy, tracks."""
    TRACKS.save(tmp_path / "x.analysis.h5")
    with h5py.File(tmp_path / "x.analysis.h5") as file:
        assert file["tracks"][:].T.shape == (45, 68, 2, 2) and file["track_occupancy"][:].shape == (45, 2)


def test_sleap_io_there_and_back(tmp_path: Path) -> None:
    """sleap-io reads our file, and we read what it writes: points, faces and frames are the same."""
    sleap_io = library("sleap_io")
    TRACKS.save(tmp_path / "x.analysis.h5")
    labels = sleap_io.load_file(tmp_path / "x.analysis.h5")
    sleap_io.save_analysis_h5(labels, str(tmp_path / "y.analysis.h5"))
    back = formats.read(tmp_path / "y.analysis.h5")
    assert back.frame.tolist() == TRACKS.frame.tolist() and back.face.tolist() == TRACKS.face.tolist()
    assert np.abs(back.points - TRACKS.points).max() < 1e-3


def test_movement_reads_deeplabcuts_files(tmp_path: Path) -> None:
    """movement takes our CSV, also where the first frame has no face, for DeepLabCut's."""
    load_poses = library("movement.io.load_poses")
    late = TRACKS.select(TRACKS.frame > 2)
    late.save(tmp_path / "x.dlc.csv")
    data = load_poses.from_dlc_file(tmp_path / "x.dlc.csv", fps=30)
    assert data.sizes["time"] == late.frames
    found = data.position.sel(individuals="face_1").to_numpy().transpose(0, 2, 1)
    assert np.nanmax(np.abs(found - late.dense(1))) < 1e-3
    assert (np.isnan(found) == np.isnan(late.dense(1))).all()


def test_pandas_keeps_an_empty_first_frame(tmp_path: Path) -> None:
    """A first line of unknowns is a frame, and not taken for names."""
    pandas = library("pandas")
    late = TRACKS.select(TRACKS.frame > 2)
    late.save(tmp_path / "x.dlc.csv")
    table = pandas.read_csv(tmp_path / "x.dlc.csv", header=[0, 1, 2, 3], index_col=0)
    assert len(table) == late.frames and table.index.tolist() == list(range(45))


def test_movement_takes_our_dataset() -> None:
    """movement's own check passes the dataset of `to_xarray`."""
    datasets = library("movement.validators.datasets")
    datasets.ValidPosesInputs.validate(TRACKS.to_xarray())


def test_pycocotools_reads_and_draws_the_key_points(tmp_path: Path) -> None:
    """The index is built, annotations are found by image, and `showAnns` draws points and skeleton."""
    coco_module, pyplot = library("pycocotools.coco"), library("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    TRACKS.save(tmp_path / "x.coco.json")
    coco = coco_module.COCO(tmp_path / "x.coco.json")
    found = coco.loadAnns(coco.getAnnIds(imgIds=[1 + int(TRACKS.frame[0])]))
    assert len(found) == (TRACKS.frame == TRACKS.frame[0]).sum()
    points = np.array(found[0]["keypoints"]).reshape(68, 3)
    assert np.abs(points[:, :2] - TRACKS.points[0]).max() < 1e-3
    figure = pyplot.figure()
    coco.showAnns(found)
    pyplot.close(figure)


def test_cocos_category_is_what_cvat_and_label_studio_ask_for(tmp_path: Path) -> None:
    """The schema that they document: names, a skeleton of pairs from 1, triples, a count, the size of images."""
    TRACKS.save(tmp_path / "x.coco.json")
    document = json.loads((tmp_path / "x.coco.json").read_text())
    (category,) = document["categories"]
    assert category["keypoints"] == list(NAMES) and all(1 <= i <= 68 for pair in category["skeleton"] for i in pair)
    assert all({"id", "file_name", "width", "height"} <= image.keys() for image in document["images"])
    for face in document["annotations"]:
        assert {"id", "image_id", "category_id", "bbox", "area", "iscrowd"} <= face.keys()
        assert len(face["keypoints"]) == 204 and face["num_keypoints"] == 68
        assert len(face["bbox"]) == 4 and face["image_id"] <= len(document["images"])


def test_polars_takes_every_column_for_numbers(tmp_path: Path) -> None:
    """Also a confidence that nobody knows, and the cells of a frame without a face."""
    polars = library("polars")
    tracks = Tracks.from_rows([1], [0], np.ones((1, 68, 2)), [0, 0.1])
    tracks.save(tmp_path / "x.csv")
    table = polars.read_csv(tmp_path / "x.csv")
    assert all(kind.is_numeric() for kind in table.dtypes) and table.height == 2


def test_polars_queries_a_corpus(tmp_path: Path) -> None:
    """Tables of many videos are one query."""
    polars, _ = library("polars"), library("pyarrow")
    for seed in range(3):
        random_tracks(frames=20, seed=seed, source=f"v{seed}.mp4").save(tmp_path / f"{seed}.parquet")
    means = polars.scan_parquet(tmp_path / "*.parquet").group_by("video").agg(polars.col("score").mean()).collect()
    assert sorted(means["video"].to_list()) == ["v0", "v1", "v2"] and means["score"].is_not_null().all()


def test_menpo_reads_the_points(tmp_path: Path) -> None:
    """menpo, which takes 1 from the pixels and has y before x, finds every point."""
    io = library("menpo.io")
    TRACKS.save(tmp_path / "clip")
    rows = TRACKS.face_rows(0)
    path = tmp_path / "clip" / "annot" / f"{TRACKS.frame[rows[0]] + 1:06d}.pts"
    found = io.import_landmark_file(path)
    found = next(iter(found.values())) if hasattr(found, "values") else found
    assert np.abs(found.points[:, ::-1] - TRACKS.points[rows[0]]).max() < 1e-3
