"""`redtrack` in the world of squares, for tests that need a process: `python annotating_main.py annotate …`.

SQUARES_WAIT is how many seconds each call of the network takes; each is told on stdout at once.
"""

import os
import time

import annotating

from redtrack.cli import main
from redtrack.run.networks import Networks


class SlowModels(annotating.SquareModels):
    def predict(self, *args):  # type: ignore[no-untyped-def]
        print("call", flush=True)
        time.sleep(float(os.environ.get("SQUARES_WAIT", "0")))
        return super().predict(*args)


def slow_models(*_):  # type: ignore[no-untyped-def]
    made = annotating.square_models()
    return SlowModels(**{name: getattr(made, name) for name in made.__dataclass_fields__})


if __name__ == "__main__":
    Networks.load = slow_models  # type: ignore[method-assign]
    Networks.identity = lambda _: dict(annotating.square_models().about)  # type: ignore[method-assign]
    main()
