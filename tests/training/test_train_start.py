"""What a run begins with: the seed, the provider, and the weights."""

from __future__ import annotations

import inspect
from pathlib import Path

import gin
import pytest
import tensorflow as tf
import tiny_training

from ddsp.training import data, run_data, run_start, train_util


@pytest.fixture(autouse=True)
def without_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sounds and pictures take longer than all the rest."""
    monkeypatch.setattr(train_util, 'SampleSummaries', lambda *args: lambda step: None)


@gin.register(module='test_train_start')
class CountedProvider(tiny_training.TinyProvider):
    """Counts how many were made."""

    made = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).made += 1


def _train(save_dir: Path, **kwargs) -> train_util.TrainingEnd:
    settings = {'num_steps': 2, 'batch_size': 4, **kwargs}
    provider = settings.pop('provider', None) or tiny_training.TinyProvider()
    trainer = tiny_training.tiny_trainer()
    return train_util.train(provider, trainer, save_dir=str(save_dir), **settings)


@pytest.mark.parametrize('seed', ['8', '%my_seed'])
def test_the_seed_is_known_before_the_data_are_made(seed: str):
    """What a provider does as it is made may not come before a cluster is joined."""
    CountedProvider.made = 0
    gin.parse_config(f"""
        train.data_provider = @CountedProvider()
        train.seed = {seed}
        my_seed = 8
    """)
    assert train_util.configured_seed() == 8
    assert CountedProvider.made == 0
    gin.clear_config()
    assert train_util.configured_seed() == 0


def test_a_provider_that_hands_all_arguments_on_knows_what_they_are_handed_to(
    tmp_path: Path, capsys: pytest.CaptureFixture
):
    asked = []

    class HandingOn(tiny_training.TinyProvider):
        def get_batch(self, *args, **kwargs):
            asked.append(kwargs)
            return super().get_batch(*args, **kwargs)

    _train(tmp_path, provider=HandingOn(), num_steps=1, seed=7)
    assert asked[-1]['seed'] == 7
    assert 'knows no seed' not in capsys.readouterr().err


@pytest.mark.parametrize(
    ('kinds', 'repeatable', 'shares_work'),
    [
        ((data.DataProvider,), True, True),
        ((tiny_training.TinyProvider,), True, False),
        ((), True, True),
    ],
)
def test_what_arguments_are_handed_on_to_decides(
    kinds: tuple[type, ...], repeatable: bool, shares_work: bool
):
    class HandingOn(*kinds):
        def __init__(self) -> None:
            """Makes nothing."""

        def get_dataset(self, shuffle=True):
            return tf.data.Dataset.range(3)

        def get_batch(self, *args, **kwargs):
            return tf.data.Dataset.range(3)

    made = run_data.RunData(HandingOn(), 4, 0)
    assert (made.repeatable, made.shares_work) == (repeatable, shares_work)


def test_what_no_one_named_is_no_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    """Whatever lies where runs go by default."""
    _train(tmp_path / 'a')
    default = inspect.signature(train_util.train).parameters['restore_dir'].default
    latest = train_util.checkpoint_files.latest
    monkeypatch.setattr(
        train_util.checkpoint_files,
        'latest',
        lambda path: latest(str(tmp_path / 'a') if path == default else path),
    )
    assert _train(tmp_path / 'b', num_steps=1).step == 1
    error = capsys.readouterr().err
    assert f'no checkpoint in {tmp_path / "b"}: training from step 0' in error


def test_a_beginning_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(FileNotFoundError) as caught:
        _train(tmp_path / 'run', restore_dir=str(tmp_path / 'mistyped'))
    message = str(caught.value)
    assert (
        f'train.restore_dir: there is no checkpoint {tmp_path / "mistyped"}' in message
    )
    assert 'leave restore_dir out' in message
    assert not (tmp_path / 'run').exists()
    # A run that goes on asks for no beginning; and its own directory is none.
    _train(tmp_path / 'run', num_steps=1, restore_dir=f'{tmp_path / "run"}/')
    end = _train(tmp_path / 'run', restore_dir=str(tmp_path / 'mistyped'))
    assert end.step == 2


def test_a_configuration_that_names_the_default_trains(tmp_path: Path):
    """As those do that were written down of runs of old."""
    default = '/tmp/ddsp-that-is-not-there'
    gin.parse_config(f"train.restore_dir = '{default}'")
    with pytest.raises(FileNotFoundError):
        _train(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_start, 'DEFAULT_DIR', default)
        assert _train(tmp_path).step == 2
