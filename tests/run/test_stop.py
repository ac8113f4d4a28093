"""The first signal asks to stop, the second SIGINT stops at once, and the handlers are put back."""

import os
import signal
import time

import pytest

from redtrack.run.stop import BrokenOff, StopSignals


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_first_signal_asks_to_stop_and_gives_the_status(number: signal.Signals, status: int) -> None:
    said: list[str] = []
    with StopSignals(said.append) as stop:
        assert not stop()
        os.kill(os.getpid(), number)
        assert stop() and stop.status == status
    assert len(said) == 1


def test_second_interrupt_stops_at_once() -> None:
    with StopSignals(lambda _: None):
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_second_termination_is_patient() -> None:
    with StopSignals(lambda _: None) as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.status == 143


def test_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with StopSignals(lambda _: None):
        pass
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_step_that_takes_too_long_is_broken_off() -> None:
    with StopSignals(lambda _: None, patience=0.05):
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(BrokenOff):
            time.sleep(20)


def test_process_ends_with_the_status_where_nobody_handles_the_break() -> None:
    with pytest.raises(SystemExit) as ended, StopSignals(lambda _: None, patience=0.05):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(20)
    assert ended.value.code == 143


def test_nothing_is_broken_off_after_the_block() -> None:
    with StopSignals(lambda _: None, patience=0.05):
        os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.1)
