"""Frames are gathered in order, copied at once, and held only as long as they are needed."""

import gc
import weakref

import numpy as np
import pytest
import torch

from redtrack.faces import FaceBoxes
from redtrack.inference import frames as frames_module
from redtrack.inference.frames import Chunk, FrameStore, gather
from redtrack.tracks import FrameState
from redtrack.video import Frame


class Shots:
    """Says that a shot begins wherever a picture's first pixel is 200; counts the pictures that it saw."""

    def __init__(self) -> None:
        self.seen = 0

    def push(self, image: np.ndarray) -> bool:
        self.seen += 1
        return bool(image[0, 0, 0] == 200)


def frame(index: int, value: int = 0, **how: bool) -> Frame:
    return Frame(index, index / 10, np.full((4, 6, 3), value or index, np.uint8), **how)


def chunks(count: int, start: float = 0.0, first: int = 0) -> list[Chunk]:
    return list(gather((frame(first + n) for n in range(count)), Shots(), start))  # type: ignore[arg-type]


def test_chunks_hold_all_frames_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames_module, "CHUNK", 8)
    made = chunks(19)
    assert [(chunk.first, len(chunk)) for chunk in made] == [(0, 8), (8, 8), (16, 3)]
    assert np.concatenate([chunk.images[:, 0, 0, 0] for chunk in made]).tolist() == list(range(19))  # type: ignore[index]
    assert np.allclose(np.concatenate([chunk.times for chunk in made]), np.arange(19) / 10)


def test_frames_before_the_start_have_times_and_no_images() -> None:
    early, late = chunks(10, start=0.4)
    assert early.images is None and len(early) == 4 and early.times[-1] == pytest.approx(0.3)
    assert (late.first, len(late)) == (4, 6) and late.images is not None


def test_frames_before_the_start_are_no_part_of_a_shot() -> None:
    shots = Shots()
    list(gather((frame(n) for n in range(10)), shots, 0.4))  # type: ignore[arg-type]
    assert shots.seen == 6


def test_cuts_and_damage_stand_at_their_frames() -> None:
    source = [frame(0), frame(1, 200), frame(2, damaged=True), frame(3, damaged=True, missing=True)]
    (chunk,) = gather(source, Shots())  # type: ignore[arg-type]
    assert chunk.cuts.tolist() == [False, True, False, False]
    assert chunk.state.tolist() == [FrameState.OK, FrameState.OK, FrameState.DAMAGED, FrameState.MISSING]


def test_large_frames_come_in_small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames_module, "CHUNK_BYTES", 3 * 72)
    assert [len(chunk) for chunk in chunks(7)] == [3, 3, 1]
    monkeypatch.setattr(frames_module, "CHUNK_BYTES", 1)
    assert [len(chunk) for chunk in chunks(2)] == [1, 1]


def test_decoder_gets_its_memory_back_at_once() -> None:
    """A picture is not held while the chunk that it was copied to is filled."""
    alive: list[weakref.ref[np.ndarray]] = []
    most = 0

    def source():  # type: ignore[no-untyped-def]
        nonlocal most
        for n in range(15):
            made = frame(n)
            alive.append(weakref.ref(made.image))
            yield made
            del made
            gc.collect()
            most = max(most, sum(ref() is not None for ref in alive))

    list(gather(source(), Shots()))  # type: ignore[arg-type]
    assert most <= 2


def test_no_frames_are_no_chunks() -> None:
    assert chunks(0) == []


def images(first: int, count: int) -> torch.Tensor:
    numbers = torch.arange(first, first + count, dtype=torch.uint8)
    return numbers[:, None, None, None].expand(-1, 10, 12, 3).contiguous()


@pytest.fixture
def store() -> FrameStore:
    """Frames 0 to 19 in chunks of 8, 8 and 4."""
    made = FrameStore()
    for first, count in ((0, 8), (8, 8), (16, 4)):
        made.add(first, images(first, count))
    return made


@pytest.mark.parametrize(("first", "count"), [(0, 8), (3, 2), (6, 5), (7, 13), (19, 1)])
def test_region_is_of_the_frames_asked_for_whatever_their_chunks(store: FrameStore, first: int, count: int) -> None:
    found = store.region(first, count, (2, 1, 7, 9))
    assert found.shape == (count, 8, 5, 3) and found[:, 0, 0, 0].tolist() == list(range(first, first + count))


def test_dropped_chunks_are_those_that_end_before(store: FrameStore) -> None:
    whole = store.nbytes
    store.drop(15)
    assert store.nbytes == whole * 12 // 20 and store.region(8, 1, (0, 0, 1, 1)).item is not None
    store.drop(20)
    assert store.nbytes == 0


def test_frame_that_is_gone_is_an_error(store: FrameStore) -> None:
    store.drop(8)
    with pytest.raises(AssertionError, match="from frame 6"):
        store.region(6, 4, (0, 0, 1, 1))


def test_size_is_height_and_width(store: FrameStore) -> None:
    assert store.size() == (10, 12)


def faces_on(frames: range, *boxes: tuple[float, float, float, float]) -> FaceBoxes:
    """The same faces on each of the frames."""
    rows = [(at, face, np.array(box, np.float32), 0, 0.9) for at in frames for face, box in enumerate(boxes)]
    return FaceBoxes.from_rows(rows, frames.stop)


@pytest.mark.parametrize(("faces", "side"), [(0, 0), (1, 300), (2, 2000), (40, 500)])
def test_large_frames_are_held_around_their_faces(faces: int, side: int) -> None:
    """Of 8k frames whose faces are known no more bytes than of as many 4k frames, however many and large the faces."""
    held = FrameStore()
    frame = torch.zeros(1, 4320, 7680, 3, dtype=torch.uint8)
    for first in range(3):
        held.add(first, frame)
    assert held.nbytes == 3 * frame.nbytes
    boxes = [(170.0 * face, 80.0 * face, 170.0 * face + side, 80.0 * face + side) for face in range(faces)]
    held.focus(faces_on(range(2), *boxes))
    assert frame.nbytes <= held.nbytes <= frame.nbytes + 2 * frames_module.FRAME_BYTES
    held.focus(faces_on(range(2, 3), *boxes))
    assert held.nbytes <= 3 * frames_module.FRAME_BYTES
    held.drop(3)
    assert held.nbytes == 0


@pytest.mark.parametrize("nbytes", [60_000, 8_000])
def test_region_around_a_face_of_a_large_frame(monkeypatch: pytest.MonkeyPatch, nbytes: int) -> None:
    """Is as it was, reduced where the bytes do not suffice; also beside frames whose faces are not known yet."""
    monkeypatch.setattr(frames_module, "FRAME_BYTES", nbytes)
    ramp = torch.arange(240, dtype=torch.uint8)[None, :, None, None].expand(2, 240, 200, 3).contiguous()
    held = FrameStore()
    held.add(0, ramp)
    held.focus(faces_on(range(1), (80, 100, 130, 150)))
    found = held.region(0, 2, (60, 80, 150, 170))
    apart = (found.int() - ramp[:, 80:170, 60:150]).abs()
    assert apart[1].max() == 0 and apart[0].max() <= (0 if nbytes == 60_000 else 2)
    assert held.region(0, 1, (0, 0, 20, 20)).max() == 0
