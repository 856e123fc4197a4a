"""Training on several devices, in several processes: the same as on one."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tiny_training

from ddsp.training import strategies

# Prints the loss of each step, and what the weights add up to, on one device and then
# on all there are.
_CURVES = """
import json, sys
import numpy as np
import tensorflow as tf
import tiny_training
from ddsp.training import strategies, train_util

def train(strategy, folder):
    trainer = tiny_training.tiny_trainer(
        strategy, harmonic=True, learning_rate=3e-4, grad_clip_norm=0.5
    )
    curve = tiny_training.Curve()
    fit = trainer.fit
    trainer.fit = lambda dataset, steps, watching: fit(
        dataset, steps, [*watching, curve]
    )
    train_util.train(
        tiny_training.TinyProvider(), trainer, batch_size=4, num_steps=12,
        save_dir=folder, restore_dir=folder,
    )
    weights = [float(np.sum(w)) for w in tiny_training.weights_of(trainer)]
    return {
        'replicas': strategy.num_replicas_in_sync, 'losses': curve.losses,
        'weights': weights, 'norm': float(trainer.optimizer.gradient_norm),
    }

try:
    tiny_training.tiny_trainer(strategies.get_strategy(), jit_compile=True)
    told = ''
except ValueError as error:
    told = str(error)

print(json.dumps({
    'compiled': told,
    'one': train(tf.distribute.get_strategy(), sys.argv[1] + '/one'),
    'all': train(strategies.get_strategy(), sys.argv[1] + '/all'),
}))
"""

# One of two workers, which may die at a step; starts again when the other is lost.
_WORKER = """
import json, os, signal, sys
import tiny_training
from ddsp.training import ddsp_run, strategies, train_util

class Mortal(tiny_training.Curve):
    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch, logs)
        if batch + 1 == int(os.environ.get('DIES_AT', '-1')):
            os.kill(os.getpid(), signal.SIGKILL)

def run(arguments):
    strategy = strategies.get_strategy(cluster_config=arguments.cluster_config)
    trainer = tiny_training.tiny_trainer(
        strategy, harmonic=True, learning_rate=3e-4, grad_clip_norm=0.5
    )
    curve = Mortal()
    fit = trainer.fit
    trainer.fit = lambda dataset, steps, watching: fit(
        dataset, steps, [*watching, curve]
    )
    end = train_util.train(
        tiny_training.TinyProvider(), trainer, batch_size=4, num_steps=12,
        steps_per_save=4, save_dir=sys.argv[1], restore_dir=sys.argv[1],
    )
    print(json.dumps({
        'replicas': strategy.num_replicas_in_sync, 'losses': curve.losses,
        'step': end.step,
    }))
    return 0

ddsp_run.run = run
sys.exit(ddsp_run.main(['--cluster_config', os.environ['CLUSTER']]))
"""


@pytest.fixture(scope='module')
def curves(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Of one device and of two."""
    folder = tmp_path_factory.mktemp('curves')
    return tiny_training.run_python(_CURVES, str(folder), devices=2)


@pytest.fixture(scope='module')
def one_device(curves: dict) -> dict:
    return curves['one']


def _close(actual: list[float], expected: list[float], tolerance: float) -> bool:
    return np.allclose(actual, expected, rtol=tolerance, atol=tolerance)


def test_two_logical_devices_train_like_one(curves: dict, one_device: dict):
    two = curves['all']
    assert one_device['replicas'] == 1
    assert two['replicas'] == 2
    assert len(two['losses']) == 12
    # Clipping is at work: without it the norm of the gradients could not matter.
    assert one_device['norm'] > 0.5
    assert _close(two['losses'], one_device['losses'], 1e-4)
    assert _close(two['weights'], one_device['weights'], 1e-3)
    assert two['losses'][-1] != two['losses'][0]


def test_xla_on_several_processors_is_refused(curves: dict):
    assert 'XLA cannot train on 2 CPU devices' in curves['compiled']
    assert 'Set jit_compile to False' in curves['compiled']


def test_a_killed_worker_comes_back_and_training_goes_on(
    one_device: dict, tmp_path: Path
):
    ports = _free_ports(2)
    workers = [
        _start_worker(0, ports, tmp_path),
        _start_worker(1, ports, tmp_path, DIES_AT='6'),
    ]
    try:
        _, error = workers[1].communicate(timeout=120)
        assert workers[1].returncode == -signal.SIGKILL, error[-3000:]
        workers[1] = _start_worker(1, ports, tmp_path)
        ends = [worker.communicate(timeout=200) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()
    (out, error), (other_out, other_error) = ends
    assert workers[0].returncode == 0, error[-3000:]
    assert workers[1].returncode == 0, other_error[-3000:]
    # The one that was left met the other again at the last checkpoint.
    assert 'starting again from the last checkpoint' in error
    assert f'going on from {tmp_path / "ckpt-4"}' in error
    for text in (out, other_out):
        result = json.loads(text.splitlines()[-1])
        assert result['replicas'] == 2
        assert result['step'] == 12
        assert _close(result['losses'], one_device['losses'][4:], 1e-3)
    # One of them writes.
    assert (tmp_path / 'ckpt-12.index').exists()
    assert 'step 12 of 12' not in other_error


def _start_worker(
    index: int, ports: list[int], save_dir: Path, **environment: str
) -> subprocess.Popen:
    cluster = {
        'cluster': {'worker': [f'localhost:{port}' for port in ports]},
        'task': {'type': 'worker', 'index': index},
    }
    return tiny_training.start_python(
        _WORKER, str(save_dir), CLUSTER=json.dumps(cluster), **environment
    )


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(('localhost', 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        ('{', 'no JSON'),
        ('{"cluster": {}}', 'lacks "cluster" or "task"'),
        (
            {'cluster': {'worker': ['a:1']}, 'task': {'type': 'ps', 'index': 0}},
            "'ps' 0 is not in the cluster",
        ),
        (
            {'cluster': {'worker': ['a:1']}, 'task': {'type': 'worker', 'index': 1}},
            'no worker 1 among the 1',
        ),
    ],
)
def test_a_cluster_config_that_is_wrong_is_refused(config: object, message: str):
    with pytest.raises(ValueError, match=message):
        strategies.get_strategy(cluster_config=config)


def test_a_tpu_where_nobody_answers_is_refused():
    with socket.create_server(('127.0.0.1', 0)) as server:
        port = server.getsockname()[1]
    address = f'grpc://127.0.0.1:{port}'
    with pytest.raises(ConnectionError, match=rf'{address}.* refused.* Leave --tpu'):
        strategies.get_strategy(tpu=address)


class Tpu:
    """Stands in for what finds TPUs: here is one, or none."""

    def __init__(self, tpu: str) -> None:
        if tpu != 'mine':
            raise OSError('Name or service not known')

    def master(self) -> str:
        return ''


def test_a_tpu_is_found_and_started(monkeypatch: pytest.MonkeyPatch):
    started = []
    monkeypatch.setattr(tf.distribute.cluster_resolver, 'TPUClusterResolver', Tpu)
    monkeypatch.setattr(tf.config, 'experimental_connect_to_cluster', started.append)
    monkeypatch.setattr(tf.tpu.experimental, 'initialize_tpu_system', started.append)
    monkeypatch.setattr(tf.distribute, 'TPUStrategy', started.append)
    strategies.get_strategy(tpu='mine')
    (resolver,) = set(started)
    assert len(started) == 3
    assert isinstance(resolver, Tpu)
    with pytest.raises(ConnectionError, match="'yours' cannot be used: Name or serv"):
        strategies.get_strategy(tpu='yours')


def test_a_tpu_that_does_not_start_is_named(monkeypatch: pytest.MonkeyPatch):
    def start(resolver: Tpu) -> None:
        raise tf.errors.NotFoundError(None, None, 'no TPUs in the cluster.')

    monkeypatch.setattr(tf.distribute.cluster_resolver, 'TPUClusterResolver', Tpu)
    monkeypatch.setattr(tf.config, 'experimental_connect_to_cluster', lambda _: None)
    monkeypatch.setattr(tf.tpu.experimental, 'initialize_tpu_system', start)
    with pytest.raises(ConnectionError, match="'mine' cannot be used: no TPUs in th"):
        strategies.get_strategy(tpu='mine')


def test_one_process_is_its_own_chief():
    strategy = strategies.get_strategy()
    assert strategy.num_replicas_in_sync == 1
    assert strategies.is_chief(strategy)
    assert strategies.is_chief(tf.distribute.get_strategy())
