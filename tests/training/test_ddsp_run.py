from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import gin
import numpy as np
import pytest
import tensorflow as tf
import tiny_training

from ddsp.training import ddsp_run

_GIN = """
# A solo instrument that trains in no time.
include 'models/solo_instrument.gin'
include 'datasets/tfrecord.gin'

TFRecordProvider.example_secs = 0.1
F0LoudnessPreprocessor.time_steps = 25
RnnFcDecoder.rnn_channels = 4
RnnFcDecoder.ch = 4
RnnFcDecoder.layers_per_stack = 1
Harmonic.n_samples = 1600
FilteredNoise.n_samples = 1600
Reverb.reverb_length = 100
SpectralLoss.fft_sizes = (64,)
train.batch_size = 2
train.steps_per_summary = 1
train.num_steps = 3
evaluate.batch_size = 2
evaluate.num_batches = 1
sample.batch_size = 2
"""


def _floats(values: np.ndarray) -> tf.train.Feature:
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


@pytest.fixture(scope='module')
def records(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp('data') / 'sines.tfrecord'
    rng = np.random.default_rng(0)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for _ in range(6):
            f0_hz = rng.uniform(200, 800)
            audio = 0.3 * np.sin(2 * np.pi * f0_hz * np.arange(1600) / 16000)
            features = {
                'audio': audio,
                'audio_16k': audio,
                'f0_hz': np.full(25, f0_hz),
                'f0_confidence': np.ones(25),
                'loudness_db': rng.uniform(-60, 0, 25),
            }
            example = tf.train.Example(
                features=tf.train.Features(
                    feature={key: _floats(x) for key, x in features.items()}
                )
            )
            writer.write(example.SerializeToString())
    return str(path)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / 'config'
    folder.mkdir()
    (folder / 'tiny.gin').write_text(_GIN)
    return folder


@pytest.fixture(autouse=True)
def without_samples(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sounds and pictures take longer than all the rest."""
    if 'evaluate_and_sample' not in request.node.name:
        monkeypatch.setattr(
            ddsp_run.train_util, 'SampleSummaries', lambda *args: lambda step: None
        )


def _run(config: Path, save_dir: Path, records: str, *arguments: str) -> int:
    gin.clear_config()
    return ddsp_run.main(
        [
            f'--gin_search_path={config}',
            '--gin_file=tiny.gin',
            f"--gin_param=TFRecordProvider.file_pattern='{records}'",
            f'--save_dir={save_dir}',
            *arguments,
        ]
    )


def test_train_resume_evaluate_and_sample(
    config: Path, records: str, tmp_path: Path, capsys: pytest.CaptureFixture
):
    run = tmp_path / 'run'
    assert _run(config, run, records) == 0
    assert 'finished at step 3' in capsys.readouterr().out
    text = (run / 'operative_config-0.gin').read_text()
    for part in ('rnn_channels = 4', 'train.num_steps = 3', 'learning_rate = 0.0003'):
        assert part in text
    # The run is described by itself: nothing needs to be said twice.
    gin.clear_config()
    again = [f'--save_dir={run}', '--gin_param=train.num_steps=5']
    assert ddsp_run.main(again) == 0
    output = capsys.readouterr()
    assert 'finished at step 5' in output.out
    assert f'going on from {run / "ckpt-3"}, step 3' in output.err
    assert _run(config, run, records, '--mode=eval', '--run_once') == 0
    metrics = json.loads((run / 'metrics.json').read_text())
    assert metrics['step'] == 5
    assert _run(config, run, records, '--mode', 'sample', '--run_once=true') == 0
    assert list((run / 'summaries' / 'sample').iterdir())


def test_another_run_can_be_the_beginning(
    config: Path, records: str, tmp_path: Path, capsys: pytest.CaptureFixture
):
    first, second = tmp_path / 'first', tmp_path / 'second'
    assert _run(config, first, records, '--gin_param=train.num_steps=1') == 0
    gin.clear_config()
    arguments = [f'--save_dir={second}', f'--restore_dir={first}']
    assert ddsp_run.main([*arguments, '--gin_param=train.num_steps=2']) == 0
    assert f'starting from {first / "ckpt-1"}' in capsys.readouterr().err
    assert (second / 'ckpt-2.index').exists()


def test_a_beginning_that_is_not_there_is_an_error(
    config: Path, records: str, tmp_path: Path, capsys: pytest.CaptureFixture
):
    run, nowhere = tmp_path / 'run', tmp_path / 'nowhere'
    assert _run(config, run, records, f'--restore_dir={nowhere}') == 1
    assert f'there is no checkpoint {nowhere}' in capsys.readouterr().err


def test_early_stop(
    config: Path, records: str, tmp_path: Path, capsys: pytest.CaptureFixture
):
    assert _run(config, tmp_path / 'run', records, '--early_stop_loss_value=1e9') == 0
    assert 'early stop at step 1' in capsys.readouterr().out


def test_weights_are_the_same_at_every_start(
    config: Path, records: str, tmp_path: Path, capsys: pytest.CaptureFixture
):
    ends = []
    for name, seed in (('a', 0), ('b', 0), ('c', 1)):
        run = tmp_path / name
        seeded = f'--gin_param=train.seed={seed}'
        assert _run(config, run, records, seeded, '--gin_param=train.num_steps=1') == 0
        ends.append(capsys.readouterr().out)
    assert ends[0] == ends[1] != ends[2]


def test_a_signal_saves_and_tells(
    config: Path,
    records: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
):
    after = tiny_training.Curve.on_train_batch_end
    fit = ddsp_run.trainers.Trainer.fit

    class Press(tiny_training.Curve):
        def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
            after(self, batch, logs)
            if batch == 1:
                os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(
        ddsp_run.trainers.Trainer,
        'fit',
        lambda self, data, steps, watching: fit(
            self, data, steps, [Press(), *watching]
        ),
    )
    many = '--gin_param=train.num_steps=1000'
    assert _run(config, tmp_path / 'run', records, many) == 143
    assert 'SIGTERM at step 2' in capsys.readouterr().out
    assert (tmp_path / 'run' / 'ckpt-2.index').exists()


@pytest.mark.parametrize(
    ('arguments', 'parts'),
    [
        (['--gin_file=models/solo_instrumen.gin'], ['models/solo_instrumen.gin']),
        (['--gin_param=train.num_step = 3'], ['num_step', 'Near names: num_steps']),
        (['--gin_param=Harmonik.n_samples = 3'], ['Near names: synths.Harmonic']),
        ([], ['name a model, such as --gin_file=models/solo_instrument.gin']),
        (
            ['--gin_file=models/solo_instrument.gin'],
            ['name a dataset, such as --gin_file=datasets/tfrecord.gin'],
        ),
        (
            ['--gin_file=papers/iclr2020/tiny_instrument.gin'],
            ['TFRecordProvider.file_pattern'],
        ),
        (['--cluster_config={'], ['cluster_config is no JSON']),
        (
            ['--gin_param=get_model.model = %mine'],
            ['the macro %mine has no value; give it one in gin'],
        ),
    ],
)
def test_mistakes_are_told_in_one_line(
    arguments: list[str],
    parts: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
):
    assert ddsp_run.main([f'--save_dir={tmp_path}', *arguments]) == 1
    error = capsys.readouterr().err
    (line,) = [line for line in error.splitlines() if line.startswith('ddsp_run:')]
    assert line.startswith('ddsp_run: error: ')
    assert all(part in line for part in parts), line


@pytest.mark.parametrize(
    ('binding', 'parts'),
    [
        (
            'SpectralLoss.delta_delta_freq_weight = 1.0',
            ["named 'delta_delta_freq_weig"],
        ),
        ('get_model.model = @ZRnnFcDecoder()', ['Near names: decoders.RnnFcDecoder']),
        (
            'get_model.model = @my.Model()',
            ['@my.Model()', 'Import its module in a gin'],
        ),
    ],
)
def test_a_configuration_of_another_time_says_what_to_do(
    binding: str, parts: list[str], tmp_path: Path, capsys: pytest.CaptureFixture
):
    (tmp_path / 'operative_config-3.gin').write_text(f'import my\n{binding}\n')
    assert ddsp_run.main([f'--save_dir={tmp_path}']) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith('ddsp_run: error: ')
    assert all(part in line for part in parts), line
    assert 'brought up to date by `python update_gin_config.py PATH`' in line


def test_a_spoilt_record_is_told_in_one_line(
    config: Path, records: str, tmp_path: Path, capsys: pytest.CaptureFixture
):
    content = bytearray(Path(records).read_bytes())
    # Within the last record, which no run begins with.
    content[-100] ^= 1
    spoilt = tmp_path / 'spoilt.tfrecord'
    spoilt.write_bytes(content)
    assert _run(config, tmp_path / 'run', str(spoilt)) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith(f'ddsp_run: error: {spoilt} is damaged: the record at')
    assert not any('Traceback' in line for line in lines)


def test_what_is_wrong_with_a_checkpoint_is_a_list(
    config: Path, records: str, tmp_path: Path, capsys: pytest.CaptureFixture
):
    run = tmp_path / 'run'
    assert _run(config, run, records, '--gin_param=train.num_steps=1') == 0
    capsys.readouterr()
    assert _run(config, run, records, '--gin_param=RnnFcDecoder.rnn_channels=5') == 1
    lines = capsys.readouterr().err.splitlines()
    assert any('has checkpoints of another model' in line for line in lines)
    assert len([line for line in lines if 'in the checkpoint, [' in line]) > 1


def test_searching_for_files_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    package = tmp_path / 'models'
    package.mkdir()
    (package / '__init__.py').touch()
    monkeypatch.syspath_prepend(tmp_path)
    ddsp_run.parse_gin(str(tmp_path), gin_files=['models/ae.gin'])
    assert gin.query_parameter('Harmonic.n_samples') == 64000
    assert not caplog.records


@pytest.mark.parametrize(
    'arguments',
    [
        ['--mode=fly'],
        ['--early_stop_loss_value=low'],
        ['--run_once=maybe'],
        ['--no_such_flag'],
    ],
)
def test_a_wrong_command_line_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture
):
    with pytest.raises(SystemExit) as caught:
        ddsp_run.main(arguments)
    assert caught.value.code == 2
    assert arguments[0].split('=')[0] in capsys.readouterr().err


def test_flags_are_those_that_programs_know():
    arguments = ddsp_run.make_parser().parse_args([])
    expected = {
        'mode': 'train',
        'save_dir': '/tmp/ddsp',
        'restore_dir': '',
        'gin_search_path': [],
        'gin_file': [],
        'gin_param': [],
        'tpu': '',
        'cluster_config': '',
        'allow_memory_growth': False,
        'early_stop_loss_value': None,
        'run_once': False,
        'initial_delay_secs': 0.0,
        'debug': False,
    }
    assert vars(arguments) == expected


def test_gin_is_read_in_order(config: Path, tmp_path: Path):
    run = tmp_path / 'run'
    run.mkdir()
    (run / 'operative_config-3.gin').write_text(
        'import ddsp\n'
        'Gone.value = 1\n'
        'Harmonic.n_samples = 1\n'
        'Reverb.reverb_length = 1\n'
        'batch_size = 1\n'
        'learning_rate = 0.5\n'
    )
    ddsp_run.parse_gin(
        str(run),
        gin_files=['tiny.gin'],
        gin_params=['Harmonic.n_samples = 7', 'batch_size = 5'],
        gin_search_path=[str(config)],
    )
    query = gin.query_parameter
    assert query('Harmonic.n_samples') == 7
    assert query('Reverb.reverb_length') == 100
    assert query('batch_size/gin.macro.value') == 5
    assert query('learning_rate/gin.macro.value') == 0.5
    assert query('Trainer.checkpoints_to_keep') == 100


def test_files_of_one_name_in_buckets_are_several(monkeypatch: pytest.MonkeyPatch):
    texts = {'gs://a/steps.gin': 'train.num_steps = 7', 'gs://b/steps.gin': ''}

    def download(path: str, local: str) -> None:
        Path(local).write_text(texts[path])

    monkeypatch.setattr(ddsp_run.cloud, 'download_from_gstorage', download)
    ddsp_run.parse_gin('', gin_files=list(texts))
    assert gin.query_parameter('train.num_steps') == 7
