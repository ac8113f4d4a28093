"""The package's metadata; `pyproject.toml` holds the build system and the tools' settings."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent

EDIT = ["starlette>=0.40", "uvicorn>=0.30"]
TEST = [
    *EDIT,
    "hypothesis>=6.100",
    "matplotlib>=3.9",
    "mypy>=1.15",
    "pandas>=2.2",
    "pillow>=11",
    "playwright>=1.50",
    "pytest>=8.3",
    "ruff>=0.9",
    "scikit-image>=0.25",
    "setuptools>=77",
    "tables>=3.10",
]

# The programs that other people read our files with, for the tests that ask them.
INTEROP = [
    "movement>=0.15",
    "ndx-pose>=0.2.2",
    "nwbinspector>=0.6",
    "pandas>=2.2",
    "polars>=1.20",
    "pyarrow>=17",
    "pycocotools>=2.0.8",
    "pynwb>=3.0",
    "sleap-io>=0.5",
    "tables>=3.10",
    "xarray>=2024.7",
]


def version() -> str:
    """Returns `redtrack.__version__`, read and not imported."""
    text = (HERE / "redtrack" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__(?:: \w+)? = "(.+)"$', text, re.MULTILINE)
    if found is None:
        raise RuntimeError("redtrack/__init__.py has no __version__")
    return found.group(1)


setup(
    name="redtrack",
    version=version(),
    description="68 landmarks on every face in every frame of a batch of videos, offline",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license_expression="MIT AND LicenseRef-redtrack-weights-research-only",
    license_files=["LICENSE", "weights/README.md"],
    keywords=["face alignment", "landmarks", "video", "tracking", "RED-Net"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Science/Research",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Image Recognition",
    ],
    python_requires=">=3.11",
    install_requires=[
        "torch>=2.6,<3",
        "av>=18.1,<20",
        "click>=8.2",
        "h5py>=3.12.1",
        "numpy>=2",
        "rich>=13.7",
        "safetensors>=0.4.5",
        "tqdm>=4.66",
    ],
    extras_require={
        "test": TEST,
        "plot": ["matplotlib>=3.9"],
        "deeplabcut": ["pandas>=2.2", "tables>=3.10"],
        "edit": EDIT,
        "pandas": ["pandas>=2.2", "xarray>=2024.7"],
        "parquet": ["pyarrow>=17"],
        "nwb": ["ndx-pose>=0.2.2", "pynwb>=3.0"],
        "interop": INTEROP,
        "ray": ["ray>=2.60"],
    },
    packages=[*find_packages(include=["redtrack", "redtrack.*"]), "redtrack.weights"],
    package_dir={"redtrack.weights": "weights"},
    package_data={
        "redtrack": ["py.typed"],
        "redtrack.review": ["*.html", "*.css", "*.js"],
        "redtrack.weights": ["*.safetensors", "README.md"],
    },
    entry_points={"console_scripts": ["redtrack = redtrack.cli:main"]},
    zip_safe=False,
)
