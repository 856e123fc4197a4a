"""From a recording to a trained, measured and sampled model, by installed commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tiny_instrument
from tensorboard.compat.proto import event_pb2

from ddsp.recordings import singing_path
from ddsp.training import checkpoint_files, checkpoints

TINY = f"""{tiny_instrument.GIN}
batch_size = 2
learning_rate = 0.003
train.steps_per_summary = 5
train.steps_per_save = 8
evaluate.batch_size = 4
evaluate.num_batches = 1
sample.batch_size = 2
"""


def call(name: str, *arguments: str) -> subprocess.CompletedProcess:
    """Runs an installed command to its end."""
    command = Path(sys.executable).with_name(name)
    if not command.exists():
        pytest.skip(f'{name} is not installed beside this Python')
    environment = {
        **os.environ,
        'CUDA_VISIBLE_DEVICES': '-1',
        'TF_CPP_MIN_LOG_LEVEL': '3',
    }
    done = subprocess.run(
        [str(command), *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    assert 'Traceback' not in done.stderr
    return done


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where records, the configuration and the run are."""
    folder = tmp_path_factory.mktemp('end to end')
    (folder / 'tiny.gin').write_text(TINY, 'utf-8')
    return folder


@pytest.fixture(scope='module')
def prepared(folder: Path) -> Path:
    """Records of the bundled singing, a part of them for evaluation."""
    call(
        'ddsp_prepare_tfrecord',
        f'--input_audio_filepatterns={singing_path()}',
        f'--output_tfrecord_path={folder}/data/singing.tfrecord',
        f'--example_secs={tiny_instrument.SECS}',
        '--hop_secs=0.5',
        '--chunk_secs=2',
        '--eval_split_fraction=0.25',
        '--num_shards=2',
    )
    return folder / 'data'


def ddsp_run(folder: Path, mode: str, *more: str) -> subprocess.CompletedProcess:
    split = 'train' if mode == 'train' else 'eval'
    pattern = f'{folder}/data/singing-{split}.tfrecord*'
    return call(
        'ddsp_run',
        f'--mode={mode}',
        f'--save_dir={folder}/run',
        f'--gin_file={folder}/tiny.gin',
        f'--gin_param=TFRecordProvider.file_pattern = {pattern!r}',
        *more,
    )


@pytest.fixture(scope='module')
def trained(folder: Path, prepared: Path) -> dict[str, Any]:
    """A run of two parts: what it said, and what was there after the first."""
    first = ddsp_run(folder, 'train', '--gin_param=train.num_steps = 12')
    run = folder / 'run'
    steps = [
        checkpoint_files.step_of(p) for p in checkpoint_files.list_checkpoints(run)
    ]
    second = ddsp_run(folder, 'train', '--gin_param=train.num_steps = 20')
    return {'run': run, 'first': first, 'steps': steps, 'second': second}


@pytest.fixture(scope='module')
def evaluated(folder: Path, trained: dict[str, Any]) -> dict[str, Any]:
    """The metrics, after samples were written as well."""
    ddsp_run(folder, 'eval', '--run_once')
    ddsp_run(folder, 'sample', '--run_once')
    return json.loads((folder / 'run' / 'metrics.json').read_text('utf-8'))


def tags(folder: Path) -> dict[str, set[int]]:
    """What TensorBoard's files in a folder hold: tags, and the steps of each."""
    found: dict[str, set[int]] = {}
    paths = sorted(folder.glob('events.out.tfevents.*'))
    assert paths
    for record in tf.data.TFRecordDataset([str(path) for path in paths]):
        event = event_pb2.Event.FromString(record.numpy())
        for value in event.summary.value:
            found.setdefault(value.tag, set()).add(int(event.step))
    return found


def test_the_records(prepared):
    info = json.loads((prepared / 'dataset.json').read_text('utf-8'))
    assert (info['sample_rate'], info['frame_rate']) == (16000, 250)
    assert info['recordings']['num_read'] == 1
    assert info['recordings']['seconds'] == pytest.approx(9.1, abs=0.1)
    for split in ('train', 'eval'):
        found = sorted(p.name for p in prepared.glob(f'singing-{split}.tfrecord-*'))
        assert found == [f'singing-{split}.tfrecord-0000{i}-of-00002' for i in range(2)]
    counts = {name: split['num_examples'] for name, split in info['splits'].items()}
    # Pieces of 2 s give 3 examples each, 0.5 s apart.
    assert counts['eval'] >= 3
    assert counts['train'] >= 9
    assert info['splits']['train']['statistics']['f0_hz']['mean'] > 80


def test_checkpoints_of_both_parts(trained):
    assert trained['steps'] == [8, 12]
    run = trained['run']
    paths = checkpoint_files.list_checkpoints(str(run))
    assert [checkpoint_files.step_of(path) for path in paths] == [8, 12, 16, 20]
    assert tf.train.latest_checkpoint(str(run)) == paths[-1]
    assert not list(run.glob('*.tmp*'))
    assert 'ckpt-12' in trained['second'].stderr
    assert 'finished at step 20' in trained['second'].stdout


def test_it_learns(trained):
    losses = [
        float(line.split('loss ')[1].split(',')[0])
        for part in ('first', 'second')
        for line in trained[part].stderr.splitlines()
        if line.startswith('step ')
    ]
    assert losses[-1] < 0.9 * losses[0]


def test_weights_go_on_from_where_they_were(trained):
    """The second part moves weights by what 8 steps can, not back to the beginning."""
    values = [
        tf.train.load_checkpoint(path)
        for path in checkpoint_files.list_checkpoints(str(trained['run']))
    ]
    kernels = [
        name
        for name in values[0].get_variable_to_shape_map()
        if name.startswith('model/') and 'kernel' in name
    ]
    assert len(kernels) >= 3
    for name in kernels:
        eight, twelve, _, twenty = (value.get_tensor(name) for value in values)
        step = np.abs(twenty - twelve).max()
        # Adam moves no weight by much more than the learning rate in a step.
        assert 0 < step <= 8 * 0.003 * 1.5
        assert np.abs(twelve - eight).max() <= 4 * 0.003 * 3.2


def test_the_operative_config(trained):
    run = trained['run']
    names = sorted(path.name for path in run.glob('operative_config-*.gin'))
    assert names == ['operative_config-0.gin', 'operative_config-12.gin']
    text = (run / names[-1]).read_text('utf-8')
    assert 'RnnFcDecoder.rnn_channels = 16' in text
    assert 'train.num_steps = 20' in text
    assert 'Reverb.reverb_length = 2000' in text


def test_the_description_of_the_data_is_kept(trained, prepared):
    ours = json.loads((trained['run'] / 'dataset.json').read_text('utf-8'))
    assert ours == json.loads((prepared / 'dataset.json').read_text('utf-8'))


def test_the_metrics(evaluated):
    assert evaluated['step'] == 20
    assert evaluated['checkpoint'] == 'ckpt-20'
    assert evaluated['examples'] == 4
    metrics = evaluated['metrics']
    assert metrics['losses/total_loss'] > 0
    assert 0 < metrics['loudness/l1_db'] < 80
    assert metrics['spectral/total'] == pytest.approx(
        metrics['spectral/mag'] + metrics['spectral/logmag']
    )
    assert 0 <= metrics['f0_crepe/outlier_ratio'] <= 1


def test_what_tensorboard_shows(evaluated, trained):
    summaries = trained['run'] / 'summaries'
    train = tags(summaries / 'train')
    assert train['losses/total_loss'] == {5, 10, 12, 15, 20}
    assert {'learning_rate', 'gin/operative_config'} <= set(train)
    measured = tags(summaries / 'eval')
    assert measured['metrics/loudness/l1_db'] == {20}
    sampled = tags(summaries / 'sample')
    assert any('audio_generated' in tag for tag in sampled)
    assert all(steps == {20} for steps in sampled.values())


def test_checkpoints_name_what_they_hold(trained):
    path = checkpoint_files.newest_complete(str(trained['run']))
    names = [name for name, _, _ in checkpoints.inspect(path)]
    assert any('decoder/rnn' in name for name in names)
    assert any('reverb' in name for name in names)
