"""What holds for all tests: no chatter, no graphics card, no chance."""

from __future__ import annotations

import os
from collections.abc import Iterator

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
os.environ.setdefault('CUDA_VISIBLE_DEVICES', '-1')
if 'PYTEST_XDIST_WORKER' in os.environ:
    # Workers share the processor: one of them does not need it all for one operation.
    os.environ.setdefault('TF_NUM_INTRAOP_THREADS', '1')

import gin
import pytest

from ddsp_command import quiet_stderr

with quiet_stderr():  # What TensorFlow says as it loads would stand below the summary.
    import keras


@pytest.fixture(autouse=True)
def same_start() -> Iterator[None]:
    """Starts each test from one seed, without gin bindings or a dtype policy."""
    keras.utils.set_random_seed(0)
    yield
    gin.clear_config()
    keras.mixed_precision.set_dtype_policy('float32')


@pytest.fixture
def own_estimators() -> Iterator[None]:
    """Forgets estimators of f0 that a test registers.

    The library's own stay: importing them once more would not register them again.
    """
    from ddsp.pitch.base import _Registry

    yield
    for name in set(_Registry.classes) - set(_Registry.rooms):
        del _Registry.classes[name]
