"""Events on drawn tracks: what is done at known frames is found there, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from acted_faces import acted
from turned_faces import HEAD

from redtrack.errors import UsageError
from redtrack.events import KINDS, Event, Limits, find_events
from redtrack.tracks import FrameState, Tracks

SHUT = [(40, 42), (80, 84), (120, 129)]  # for 3, 5 and 10 frames


def found(tracks: Tracks, *kinds: str, **limits: float) -> list[Event]:
    """Returns the events of these kinds, or of all."""
    return [event for event in find_events(tracks, 0, kinds or ("all",), Limits().changed(limits))]


def within_a_frame(events: Sequence[Event], truth: Sequence[tuple[int, int]]) -> bool:
    """Returns whether there is one event for each true one, whose first and last frames are at most one off."""
    ends = [(event.onset_frame, event.offset_frame) for event in events]
    return len(ends) == len(truth) and bool(np.abs(np.array(ends) - truth).max() <= 1)


@pytest.mark.parametrize("noise", [0.05, 0.25, 0.6])
@pytest.mark.parametrize("rate", [25.0, 30.0, 50.0])
def test_blinks_are_found_where_they_are(noise: float, rate: float) -> None:
    """Eyes shut for 3, 5 and 10 frames: none is missed, none is made up, of no kind."""
    events = found(acted(200, SHUT, noise=noise, rate=rate))
    assert [event.kind for event in events] == ["blink"] * 3 and within_a_frame(events, SHUT)
    assert all(event.onset_frame <= event.apex_frame <= event.offset_frame for event in events)
    assert all(0.8 < event.amplitude < 0.95 and event.certainty > 0.9 and not event.remark for event in events)


def test_times_are_those_of_the_frames() -> None:
    """Onset and apex are the times of their frames, offset is when the last one is over."""
    event = found(acted(200, SHUT), "blink")[0]
    assert event.onset == pytest.approx(40 / 25) and event.offset == pytest.approx(43 / 25)
    assert event.apex == pytest.approx(event.apex_frame / 25) and event.seconds == pytest.approx(3 / 25)


@pytest.mark.parametrize("side", ["left", "right"])
def test_one_eye_alone_is_a_wink(side: str) -> None:
    truth = [(40, 42), (90, 94), (140, 149)]
    events = found(acted(200, winks=[(*ends, side) for ends in truth]), "blink", "wink")
    assert {(event.kind, event.side) for event in events} == {("wink", side)} and within_a_frame(events, truth)


@pytest.mark.parametrize("degrees", [15, 25, 40])
def test_blinks_of_a_head_that_turns(degrees: float) -> None:
    """To and fro while the eyes shut: the turn makes no blink and hides none."""
    turning = acted(200, SHUT, turn=lambda k: (0, degrees * np.sin(k / 15), 5 * np.sin(k / 25)))
    assert within_a_frame(found(turning, "blink"), SHUT) and not found(turning, "wink", "mouth")


def test_blinks_of_a_head_in_profile_are_those_of_the_near_eye() -> None:
    """The far eye is not judged, and the event says so."""
    events = found(acted(200, SHUT, turn=lambda k: (0, 58, 0)), "blink", "wink")
    assert [event.kind for event in events] == ["blink"] * 3 and within_a_frame(events, SHUT)
    assert all("left eye is not judged" in event.remark for event in events)


def test_eyes_that_are_open_by_nature_or_narrow_blink_alike() -> None:
    """Limits are relative to the person: an eye half as open blinks as well."""
    narrow = HEAD.copy()
    for lids in ([37, 38, 40, 41], [43, 44, 46, 47]):
        narrow[lids, 1] = narrow[lids, 1].mean() + (narrow[lids, 1] - narrow[lids, 1].mean()) / 2

    def change(frame: int, head: np.ndarray) -> np.ndarray:
        shut = any(first <= frame <= last for first, last in SHUT)
        return HEAD + (narrow - HEAD) * (2 if shut else 1)

    assert within_a_frame(found(acted(200, change=change, noise=0.1), "blink"), SHUT)


def test_a_network_that_reads_shut_eyes_as_half_open_still_sees_them_blink() -> None:
    """A dip to 0.7 of the open eye for 5 frames is a blink, of less certainty than a full one."""
    half = acted(200, noise=0.1, change=lambda k, head: _lids(head, 0.7 if 80 <= k <= 84 else 1))
    events = found(half, "blink")
    assert within_a_frame(events, [(80, 84)]) and events[0].certainty < 0.85


def _lids(head: np.ndarray, opening: float) -> np.ndarray:
    from turned_faces import with_lids

    return with_lids(opening, head=head)


def test_a_look_down_is_no_blink() -> None:
    """Lids that half cover the eye for two seconds, as they do when someone reads."""
    assert not found(acted(300, change=lambda k, head: _lids(head, 0.6 if 80 <= k <= 130 else 1)), "blink", "wink")


def test_two_blinks_in_a_row_are_two() -> None:
    truth = [(40, 43), (46, 49)]
    assert within_a_frame(found(acted(120, truth), "blink"), truth)


def test_eyes_that_stay_shut_are_told_as_longer_than_a_blink() -> None:
    (event,) = found(acted(300, [(80, 120)]), "blink")
    assert within_a_frame([event], [(80, 120)]) and "longer than a blink" in event.remark


def test_nothing_happens_where_nothing_does() -> None:
    """2,000 frames of noise and no act: no event of any kind."""
    assert not found(acted(2000, noise=0.3))


def test_a_face_of_15_px_blinks_where_its_points_are_good_and_never_where_they_are_not() -> None:
    """With points that err by 0.1 px its blinks are found; by 0.25 px nothing can be told, and nothing is made up."""
    for noise, kinds in ((0.1, ["blink"] * 3), (0.25, [])):
        large = acted(500, SHUT, noise=noise * 10)
        tiny = Tracks.from_rows(large.frame, large.face, large.points / 10, large.times)
        assert [event.kind for event in found(tiny)] == kinds


def mouth(frame: int, head: np.ndarray) -> np.ndarray:
    """Returns a head that opens its mouth in frames 50 to 70."""
    head = head.copy()
    head[[55, 56, 57, 58, 59, 65, 66, 67], 1] += 0.1 * (50 <= frame <= 70)
    return head


def test_an_open_mouth_is_found_where_it_is() -> None:
    (event,) = found(acted(200, change=mouth))
    assert event.kind == "mouth" and within_a_frame([event], [(50, 70)])
    assert event.amplitude == pytest.approx(0.1, abs=0.02)


def test_a_nod_is_found_where_it_is() -> None:
    """Down, up, down, up within a second; the same moves of the yaw are a shake."""

    def swing(k: int) -> float:
        return 8.0 * np.sin((k - 60) / 12 * 2 * np.pi) if 60 <= k < 84 else 0.0

    (nod,) = found(acted(200, turn=lambda k: (0, 0, -swing(k))), "nod", "shake", "look-away")
    (shake,) = found(acted(200, turn=lambda k: (0, swing(k), 0)), "nod", "shake", "look-away")
    for event, kind in ((nod, "nod"), (shake, "shake")):
        assert event.kind == kind and abs(event.onset_frame - 60) <= 2 and abs(event.offset_frame - 84) <= 2
        assert event.amplitude == pytest.approx(16, abs=2.5)


def test_a_single_turn_of_the_head_is_no_shake() -> None:
    turn = acted(200, turn=lambda k: (0, float(np.clip((k - 60) * 3, 0, 12)), 0))
    assert not found(turn, "nod", "shake")


@pytest.mark.parametrize(("turn", "side"), [((0, 30, 0), "right"), ((0, -30, 0), "left"), ((0, 0, 25), "up")])
def test_a_look_away_is_found_where_it_is(turn: tuple[float, float, float], side: str) -> None:
    (event,) = found(acted(200, turn=lambda k: turn if 60 <= k <= 95 else (0, 0, 0)), "look-away")
    assert within_a_frame([event], [(60, 95)]) and event.side == side
    assert event.amplitude == pytest.approx(max(map(abs, turn)), abs=3)


def test_a_gap_is_told_and_ends_no_event_in_silence() -> None:
    """A blink that runs into a long gap says so and is less certain; across a short one it goes on, and says so."""
    into = found(acted(200, [(40, 44)], absent=range(43, 60)), "blink")
    assert [event.kind for event in into] == ["blink", "gap"]
    assert into[0].offset_frame == 42 and "its end is not seen" in into[0].remark and into[0].certainty < 0.6
    assert (into[1].onset_frame, into[1].offset_frame) == (43, 59)
    across = found(acted(200, [(80, 84)], absent=[82]), "blink")
    assert [event.kind for event in across] == ["blink", "gap"] and within_a_frame(across[:1], [(80, 84)])
    assert "1 of its frames is a gap" in across[0].remark


def test_the_ends_of_the_track_are_told() -> None:
    first, last = found(acted(100, [(0, 4), (95, 99)]), "blink")
    assert "beginning is not seen" in first.remark and "end is not seen" in last.remark


def test_doubtful_stretches_are_told() -> None:
    """Damaged frames, and frames on which the two ways through time disagree, lower the certainty of a blink there."""
    states, apart = np.zeros(200, int), np.zeros((200, 68))
    states[41:43], apart[81:83] = FrameState.DAMAGED, 20.0
    events = found(acted(200, SHUT, frame_state=states, disagreement=apart), "blink")
    doubts = [(event.onset_frame, event.offset_frame) for event in events if event.kind == "doubt"]
    blinks = [event for event in events if event.kind == "blink"]
    assert doubts == [(41, 42), (81, 82)] and within_a_frame(blinks, SHUT)
    assert [bool(event.remark) for event in blinks] == [True, True, False]
    assert blinks[0].certainty < 0.9 and blinks[1].certainty < 0.9 < blinks[2].certainty


def test_limits_decide_what_counts() -> None:
    """A deeper blink than there is is not found; a shorter mouth than the limit is left out."""
    assert not found(acted(200, SHUT), "blink", blink_depth=0.95)
    assert not found(acted(200, change=mouth), "mouth", shortest_mouth=2)
    for wrong in ({"blink_depth": -1.0}, {"blink_width": 1.0}):
        with pytest.raises(UsageError, match="limit"):
            Limits().changed(wrong)


def test_tracks_give_their_events() -> None:
    """By kind or all of them, with limits by name; an unknown kind or face is told with those that are known."""
    tracks = acted(200, SHUT, change=mouth)
    assert {event.kind for event in tracks.events(0)} == {"blink", "mouth"}
    assert [event.kind for event in tracks.events(0, ["blink"])] == ["blink"] * 3
    assert not tracks.events(0, ["blink"], blink_depth=0.99)
    with pytest.raises(UsageError, match="no event 'sneeze'; known are blink, wink"):
        tracks.events(0, ["sneeze"])
    with pytest.raises(UsageError, match="no face 3; the faces are 0"):
        tracks.events(3)


def test_a_lone_frame_and_points_in_one_place_are_no_trouble() -> None:
    for points in (np.zeros((1, 68, 2)), np.random.default_rng(0).normal(0, 50, (1, 68, 2))):
        one = Tracks.from_rows([0], [0], points, [0.0])
        assert {event.kind for event in one.events(0)} <= {"doubt"}
    assert list(KINDS) == ["blink", "wink", "mouth", "nod", "shake", "look-away"]
