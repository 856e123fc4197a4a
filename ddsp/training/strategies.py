"""The devices on which a model is trained."""

from __future__ import annotations

import json
import os
import socket
import urllib.parse
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

_TPU_TIMEOUT_S = 30


def get_strategy(
    tpu: str = '', cluster_config: str | Mapping[str, Any] = ''
) -> tf.distribute.Strategy:
    """The strategy for the devices there are.

    Parameters
    ----------
    tpu : name or address of a TPU; empty for none.
    cluster_config : JSON in the format of `TF_CONFIG` for one of several workers, such
        as `{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type":
        "worker", "index": 0}}`; empty for this machine's GPUs, or else its CPUs.

    Returns
    -------
    A strategy of TensorFlow: for a TPU, for several workers, or for this machine.

    Raises
    ------
    ValueError
        For a configuration that is not understood.
    ConnectionError
        When the TPU is not found, or does not answer.
    """
    if tpu:
        return _tpu_strategy(tpu)
    if cluster_config:
        config = _checked_cluster(cluster_config)
        os.environ['TF_CONFIG'] = json.dumps(config)
        return tf.distribute.MultiWorkerMirroredStrategy()
    return tf.distribute.MirroredStrategy()


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process is the one of all workers that writes files."""
    resolver = getattr(strategy, 'cluster_resolver', None)
    if resolver is None or resolver.task_type is None:
        return True
    if 'chief' in resolver.cluster_spec().jobs:
        return resolver.task_type == 'chief'
    return resolver.task_type == 'worker' and resolver.task_id == 0


def _tpu_strategy(tpu: str) -> tf.distribute.Strategy:
    """Connects to a TPU, and starts it."""
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=tpu)
        _knock(resolver.master())
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        return tf.distribute.TPUStrategy(resolver)
    except (OSError, RuntimeError, ValueError, tf.errors.OpError) as error:
        why = str(error).strip().splitlines()[0].rstrip('.')
        raise ConnectionError(
            f'the TPU {tpu!r} cannot be used: {why}. Expected the name of a TPU of '
            "this Google Cloud project, its address 'grpc://HOST:8470', or "
            "'local' on a machine that has one. Leave --tpu empty for GPUs and CPUs."
        ) from error


def _knock(master: str) -> None:
    """Fails at an address where nobody answers; TensorFlow would wait for ever."""
    address = urllib.parse.urlsplit(master)
    if address.scheme != 'grpc':
        return
    place = (address.hostname, address.port or 8470)
    socket.create_connection(place, timeout=_TPU_TIMEOUT_S).close()


def _checked_cluster(cluster_config: str | Mapping[str, Any]) -> Mapping[str, Any]:
    expected = (
        'expected JSON such as {"cluster": {"worker": ["host1:2222", "host2:2222"]}, '
        '"task": {"type": "worker", "index": 0}}'
    )
    config = cluster_config
    if isinstance(config, str):
        try:
            config = json.loads(config)
        except json.JSONDecodeError as error:
            raise ValueError(
                f'cluster_config is no JSON ({error}); {expected}.'
            ) from None
    cluster = config.get('cluster') if isinstance(config, Mapping) else None
    task = config.get('task') if isinstance(config, Mapping) else None
    if not isinstance(cluster, Mapping) or not isinstance(task, Mapping):
        raise ValueError(f'cluster_config lacks "cluster" or "task"; {expected}.')
    kind, index = task.get('type'), task.get('index')
    hosts = cluster.get(kind)
    if not isinstance(hosts, list) or not isinstance(index, int):
        raise ValueError(
            f'cluster_config: the task {kind!r} {index!r} is not in the cluster; '
            f'{expected}.'
        )
    if not 0 <= index < len(hosts):
        raise ValueError(
            f'cluster_config: there is no {kind} {index} among the {len(hosts)} of it.'
        )
    return config
