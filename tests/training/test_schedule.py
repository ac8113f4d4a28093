"""How fast a run goes, and when it ends."""

import pytest

from redtrack.training.schedule import Schedule


def test_the_rate_warms_up_and_falls():
    """From little to all to a hundredth."""
    schedule = Schedule(rate=1.0, warmup=10)
    assert schedule.rate_at(0, 0.0) == pytest.approx(0.1)
    assert schedule.rate_at(50, 0.0) == 1.0
    assert schedule.rate_at(50, 1.0) == pytest.approx(0.01)


def test_a_constant_rate_stays_and_a_stepped_one_falls_by_tens():
    """`step` is what the paper's authors did by hand."""
    constant, step = (Schedule(rate=1.0, warmup=0, shape=shape) for shape in ("constant", "step"))
    assert [constant.rate_at(9, p) for p in (0, 0.7, 1)] == [1, 1, 1]
    assert [step.rate_at(9, p) for p in (0, 0.59, 0.7, 0.9)] == pytest.approx([1, 1, 0.1, 0.01])


def test_weight_decay_is_that_of_the_optimizer_unless_it_is_given():
    """SGD adds it to the gradient: AdamW's 0.02 would shrink the weights."""
    decays = [Schedule(optimizer=o, weight_decay=d).decay for o, d in (("adamw", None), ("sgd", None), ("sgd", 0.0))]
    assert decays == [0.02, 5e-4, 0.0]


def test_steps_alone_are_a_budget():
    """A run of so many steps does not end by the clock; with both, whichever comes first ends it."""
    assert Schedule(steps=10).progress(5, 1e9) == 0.5
    assert Schedule(minutes=1).progress(10**9, 30) == 0.5
    assert Schedule(steps=10, minutes=1).progress(5, 45) == 0.75
