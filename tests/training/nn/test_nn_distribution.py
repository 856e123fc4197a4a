"""Weights that the forward pass writes: the same on one device, on two, under XLA."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

# Trains for three steps and prints every weight.
_PROGRAM = """
import contextlib, json, sys
import keras, numpy as np, tensorflow as tf
from ddsp import core
from ddsp.training import nn

class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.convolutions = nn.DilatedConvStack(6, 1, 1, spectral_norm=True)
        self.quantization = nn.VectorQuantization(
            5, num_heads=2, gamma=0.5, restart_threshold=0.8
        )

    def call(self, x, training=False):
        z = self.convolutions(x)
        with core.reproducible_noise(3):
            return z + 0.1 * self.quantization(z)[0]

def train(scope, jit_compile):
    keras.utils.set_random_seed(1)
    x = np.random.default_rng(0).normal(size=(8, 5, 6)).astype(np.float32)
    with scope:
        model = Net()
        model(x[:2])
        sgd = keras.optimizers.SGD(0.01)
        model.compile(optimizer=sgd, loss='mse', jit_compile=jit_compile)
    before = [w.numpy() for w in model.weights]
    model.fit(x, 0.0 * x, batch_size=8, epochs=3, verbose=0, shuffle=False)
    return {
        w.path: [old.tolist(), w.numpy().tolist()]
        for old, w in zip(before, model.weights)
    }

cpu = tf.config.list_physical_devices('CPU')[0]
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, two)
print(json.dumps({
    'one': train(contextlib.nullcontext(), False),
    'xla': train(contextlib.nullcontext(), True),
    'two': train(tf.distribute.MirroredStrategy(['CPU:0', 'CPU:1']).scope(), False),
}))
"""


@pytest.fixture(scope='module')
def weights() -> dict[str, dict]:
    done = subprocess.run(
        [sys.executable, '-c', _PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_all_weights_move(weights: dict[str, dict]) -> None:
    names = {path.split('/')[-1] for path in weights['one']}
    assert {'u', 'codebook', 'counts', 'sums', 'kernel'} <= names
    for path, (before, after) in weights['one'].items():
        assert np.abs(np.subtract(before, after)).max() > 1e-6, path


@pytest.mark.parametrize('how', ['xla', 'two'])
def test_the_same_on_all_ways(weights: dict[str, dict], how: str) -> None:
    assert list(weights[how].values())
    for one, other in zip(weights['one'].values(), weights[how].values()):
        np.testing.assert_allclose(other[1], one[1], atol=1e-4)
