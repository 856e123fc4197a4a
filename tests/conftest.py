"""What holds for all tests: no chatter, no graphics card, no chance."""

from __future__ import annotations

import os
from collections.abc import Iterator

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
os.environ.setdefault('CUDA_VISIBLE_DEVICES', '-1')

import gin
import keras
import pytest


@pytest.fixture(autouse=True)
def same_start() -> Iterator[None]:
    """Starts each test from one seed, without gin bindings or a dtype policy."""
    keras.utils.set_random_seed(0)
    yield
    gin.clear_config()
    keras.mixed_precision.set_dtype_policy('float32')
