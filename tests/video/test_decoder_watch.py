"""A silent decoder is waited for while its drive is slow, and given up where it hangs or was stopped."""

from __future__ import annotations

import signal

import pytest

from redtrack.video.decoder_watch import STALL, Losses, Lost, Watch, loss_of
from redtrack.video.shared_frames import SignsOfLife


def watched(
    seconds: int, packets: int = 0, pulses: int = 4, processor: float = 0.0, may_run: bool = False
) -> tuple[Lost | None, list[str]]:
    """Looks once a second at a process that does so much each second; returns how it was lost, and what was told."""
    told: list[str] = []
    watch = Watch(60.0, told.append, 15.0)
    try:
        for second in range(seconds):
            watch.look(SignsOfLife(packets * second, pulses * second, processor * second), 1.0, may_run)
    except Lost as lost:
        return lost, told
    return None, told


def test_a_decoder_that_works_is_left_alone() -> None:
    assert watched(10_000, packets=1, processor=1.0) == (None, [])


def test_a_slow_drive_is_waited_for_and_told_once() -> None:
    """A process that is alive and does not compute waits for its file."""
    lost, told = watched(int(STALL) - 1)
    assert lost is None
    assert told == ["no data for 10 s: waiting for the drive"]


def test_a_drive_that_never_comes_back_is_not_the_files_fault() -> None:
    lost, _ = watched(int(STALL) + 2)
    assert lost is not None and lost.outside and "wait for its file" in lost.how


def test_a_decoder_that_computes_without_a_packet_hangs() -> None:
    lost, told = watched(62, processor=0.9)
    assert lost is not None and not lost.outside and lost.how == "hang (nothing for 60 s)"
    assert told == []


def test_a_stopped_decoder_is_soon_noticed() -> None:
    lost, _ = watched(17, pulses=0)
    assert lost is not None and lost.outside and lost.how == "stop (nothing for 15 s)"


def test_a_decoder_that_gets_no_core_is_waited_for() -> None:
    """On a busy machine it may take longer to start than one that was stopped is given."""
    assert watched(120, pulses=0, may_run=True)[0] is None


@pytest.mark.parametrize(
    ("status", "how", "outside"),
    [
        (-signal.SIGSEGV, "crash (SIGSEGV)", False),
        (-signal.SIGTERM, "crash (SIGTERM)", True),
        (-signal.SIGXFSZ, "exceed a limit of this system on the size of files (ulimit -f)", False),
        (1, "exit with status 1", False),
    ],
)
def test_an_exit_status_is_put_into_words(status: int, how: str, outside: bool) -> None:
    lost = loss_of(status)
    assert (lost.how, lost.outside) == (how, outside)


def test_crashes_at_one_place_are_final_and_kills_at_many_are_not() -> None:
    losses = Losses()
    assert [losses.are_final(Lost("crash", place=place)) for place in (10, 200, 215)] == [False, False, True]
    losses = Losses()
    assert not any(losses.are_final(Lost("end", outside=True, place=5 * number)) for number in range(20))
    losses = Losses()
    assert [losses.are_final(Lost("end", outside=True, place=7)) for _ in range(3)] == [False, False, True]


def test_a_video_is_not_tried_for_ever() -> None:
    losses = Losses()
    assert [losses.are_final(Lost("end", outside=True, place=9 * number)) for number in range(30)].count(True) == 1
