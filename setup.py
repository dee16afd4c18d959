"""Packaging of tfcommentaries."""

import pathlib
import runpy

from setuptools import find_packages, setup

HERE = pathlib.Path(__file__).parent
VERSION = runpy.run_path(str(HERE / "tfcommentaries" / "version.py"))["__version__"]

EXTRAS = {
    "tfx": [
        # TFX 1.21 has wheels for glibc 2.39 and newer.
        "tfx==1.21.0; python_version >= '3.11'",
        "kfp==2.16.1; python_version >= '3.11'",
        "tfx[kfp]==1.16.0; python_version < '3.11'",
        "dill",
        "jinja2>=3.1",
        "matplotlib>=3.8",
    ],
    "cuda": ["tensorflow[and-cuda]>=2.16"],
    "tfds": [
        "tensorflow-datasets>=4.9.6",
        "importlib_resources>=6",  # tensorflow-datasets imports it and does not say so
        "scikit-learn>=1.3",
        "scipy>=1.11",
    ],
    "insights": [
        "jinja2>=3.1",
        "matplotlib>=3.8",
        "pandas>=1.5",
        "scikit-learn>=1.3",
        "tensorboard>=2.16.2",
    ],
    "test": [
        "pytest>=8",
        "pytest-xdist>=3.2",
        "ruff>=0.6",
        "hypothesis>=6.100",
        "mypy>=1.11",
        "jedi>=0.19",
    ],
}
EXTRAS["test"] += EXTRAS["tfds"] + EXTRAS["insights"]
EXTRAS["all"] = sorted({n for key in EXTRAS if key != "cuda" for n in EXTRAS[key]})

setup(
    name="tfcommentaries",
    version=VERSION,
    description="Teaching with commentaries, for Keras, TensorFlow and TFX",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=find_packages(include=["tfcommentaries", "tfcommentaries.*"]),
    package_data={
        "tfcommentaries": ["py.typed"],
        "tfcommentaries.insights": ["report.html"],
    },
    python_requires=">=3.10,<3.14",
    install_requires=[
        "tensorflow>=2.16",
        "keras>=3.9",
        "numpy>=1.26",
        "absl-py>=1.4",
        "typing_extensions>=4.1",  # which TensorFlow installs
    ],
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["tfcommentaries = tfcommentaries.cli.main:main"]},
)
