"""The points of windows run on over the windows' borders."""

import numpy as np
import torch
from evidence import made_evidence, untrained

from redtrack.rednet.temporal import EVIDENCE, PointRecurrence
from redtrack.rednet.tie import CONTEXT, Linked, Way, alone, blend, reversed_order, tie, undo


@torch.inference_mode()
def test_windows_tied_together_are_one_long_window():
    """Cut into windows and tied, a track has the points of the whole in one go: no border is seen."""
    recurrence, evidence = untrained(), made_evidence(40)
    whole = alone(recurrence, torch.from_numpy(evidence)[None], torch.tensor([40])).points[0].numpy()
    parts = [evidence[k : k + 10] for k in range(0, 40, 10)]
    linked = [Linked(p, *(parts[j] if 0 <= j < 4 else None for j in (i - 1, i + 1))) for i, p in enumerate(parts)]
    tied = np.concatenate([found.points.numpy() for found in tie(recurrence, linked)])
    cut = np.concatenate([found.points.numpy() for found in tie(recurrence, [Linked(p) for p in parts])])
    assert 8 * np.abs(tied - whole).max() < np.abs(cut - whole).max()


@torch.inference_mode()
def test_a_window_without_neighbours_is_tied_to_nothing():
    """`tie` and `alone` agree on a window that stands for itself, in every direction."""
    recurrence, evidence = untrained(), made_evidence(7)
    for direction, ways in (("both", slice(0, 2)), ("forward", slice(0, 1)), ("backward", slice(1, 2))):
        here = evidence[:, ways]
        found = alone(recurrence, torch.from_numpy(here)[None], torch.tensor([7]), direction)
        for a, b in zip(tie(recurrence, [Linked(here)], direction)[0], found, strict=True):
            assert torch.allclose(a, b[0], atol=1e-6)


@torch.inference_mode()
def test_company_changes_nothing():
    """Windows of other lengths, with and without neighbours, leave each other's points alone."""
    recurrence = untrained()
    windows = [
        Linked(made_evidence(10, 1), made_evidence(10, 2), made_evidence(3, 3)),
        Linked(made_evidence(4, 4)),
        Linked(made_evidence(10, 5), None, made_evidence(10, 6)),
    ]
    together = tie(recurrence, windows)
    for window, found in zip(windows, together, strict=True):
        assert torch.allclose(tie(recurrence, [window])[0].points, found.points, atol=1e-6)


@torch.inference_mode()
def test_only_the_nearest_frames_of_a_neighbour_count():
    """What lies farther away than the context changes no point."""
    recurrence, here, before = untrained(), made_evidence(5), made_evidence(30, 1)
    near = tie(recurrence, [Linked(here, before[-CONTEXT:])])[0].points
    assert torch.equal(tie(recurrence, [Linked(here, before)])[0].points, near)


def test_weights_grow_with_context_up_to_a_limit():
    """At a track's first frame the backward estimate counts ten elevenths; far inside both count the same."""
    unknown, scores = torch.zeros(1, 1), torch.ones(1, 1)
    ways = [Way(torch.zeros(1, 1, 2), torch.tensor([1.0]), unknown),
            Way(torch.ones(1, 1, 2), torch.tensor([10.0]), unknown)]  # fmt: skip
    assert torch.allclose(blend(ways, scores).points, torch.tensor(10 / 11))
    ways = [way._replace(seen=way.seen + 90) for way in ways]
    assert torch.allclose(blend(ways, scores).points, torch.tensor(0.5))
    assert blend(ways[:1], scores).disagreement.max() == 0


def test_the_surer_direction_counts_more():
    """Where the variances are known, the blend weighs the directions by their inverses."""
    ways = [Way(torch.zeros(1, 1, 2), torch.tensor([9.0]), torch.full((1, 1), 3.0)),
            Way(torch.ones(1, 1, 2), torch.tensor([9.0]), torch.full((1, 1), 1.0))]  # fmt: skip
    assert torch.allclose(blend(ways, torch.ones(1, 1)).points, torch.tensor(0.75))


@torch.inference_mode()
def test_a_covered_point_is_led_by_the_frames_that_saw_it():
    """With certainty, a frame whose point is far off and known to be doubtful hardly moves the track."""
    recurrence = PointRecurrence(certain=True).eval()
    evidence = torch.zeros(1, 9, 2, 68, EVIDENCE)
    evidence[..., :2], evidence[..., 3] = 0.5, -5.0
    evidence[:, 4, :, :, 0] += 0.1
    sure = alone(recurrence, evidence, torch.tensor([9])).points[0, 4, :, 0] - 0.5
    evidence[:, 4, :, :, 3] = -2.0
    doubtful = alone(recurrence, evidence, torch.tensor([9])).points[0, 4, :, 0] - 0.5
    assert sure.min() > 0.05 and doubtful.abs().max() < 0.01


def test_reversed_order_leaves_the_padding():
    """The real frames turn round, the padded ones stay, and twice is nothing."""
    order = reversed_order(torch.tensor([3]), 5)
    assert order.tolist() == [[2, 1, 0, 3, 4]]
    values = torch.arange(5)[None]
    assert undo(undo(values, order), order).tolist() == values.tolist()
