"""Options are checked once, and are kept as JSON values."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from redtrack.errors import UsageError
from redtrack.inference.options import Options, Resources


@pytest.mark.parametrize(
    "wrong",
    [
        {"window": 0},
        {"detect_every": 0},
        {"spatial_steps": 0},
        {"max_faces": 0},
        {"spatial_steps": 1000},
        {"spatial_steps": 10**30},
        {"window": 10**6},
        {"detect_every": 10**30},
        {"start": 10**400},
        {"end": 1e30},
        {"min_face": -1.0},
        {"start": -1.0},
        {"start": 3.0, "end": 3.0},
        {"end": 0.0},
        {"min_face": float("nan")},
        {"min_face": float("inf")},
        {"end": float("inf")},
        {"end": "1"},
        {"window": 2.5},
        {"window": None},
        {"min_face": None},
        {"direction": "sideways"},
        {"protocol": "guess"},
        {"direction": "backward", "protocol": "tracking"},
        {"boxes": "boxes.csv", "detector": "own.safetensors"},
    ],
)
def test_senseless_value_is_refused_with_its_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong)).replace("_", "-")):
        Options(**wrong)


def test_numbers_of_numpy_are_numbers() -> None:
    """They are kept as plain ones, for JSON knows no others."""
    options = Options(max_faces=np.int64(2), end=np.float32(0.5))  # type: ignore[arg-type]
    assert json.loads(json.dumps(options.to_dict()))["max_faces"] == 2 and options == Options(max_faces=2, end=0.5)


def test_options_survive_json() -> None:
    options = Options(boxes=Path("boxes.csv"), start=1.5, max_faces=2)
    assert json.loads(json.dumps(options.to_dict())) == options.to_dict()
    assert options.to_dict()["boxes"] == "boxes.csv"


def test_batch_of_no_crops_is_refused() -> None:
    with pytest.raises(UsageError, match="batch"):
        Resources(batch=0)
