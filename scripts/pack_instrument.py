"""Packs a run of `ddsp train` into a small directory that can travel.

    python scripts/pack_instrument.py runs/violin ddsp/training/instruments/violin

`train_instruments.py` does this for the instruments that come with the library; this
command does it for any run. The directory gets the weights of the newest checkpoint
without the state of the optimizer, the gin configuration without places of this
machine, the statistics of what was trained on, and `instrument.json`, a description.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import pathlib
import re
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

DESCRIPTION = 'instrument.json'
STATISTICS = 'dataset_statistics.json'
LARGEST_MB = 3.0
# What is bound to a place, and means nothing elsewhere.
_PLACES = ('file_pattern', 'save_dir', 'restore_dir', 'data_dir')
_BINDING = re.compile(r'^(?:[\w./]*[./])?(?P<name>\w+) = ')
_ABSOLUTE = re.compile(r"""['"](?:/|~|\\\\|[A-Za-z]:[\\/])""")


def pack(
    run_dir: pathlib.Path, out_dir: pathlib.Path, description: Mapping[str, Any]
) -> pathlib.Path:
    """Packs the newest checkpoint of a run.

    Parameters
    ----------
    run_dir : of `ddsp train`, with its records.
    out_dir : replaced as a whole, when all is there.
    description : what `instrument.json` says besides rates, the training and version;
        `lowest` and `highest` are, unless given, those of nearly all that was heard.

    Raises
    ------
    ValueError
        When the directory would be too large, or name a place of this machine.
    """
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    draft = out_dir.with_name(f'.packing-{out_dir.name}')
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    try:
        with configured(run_dir):
            provider = make_provider(records_of(run_dir))
            step = _save_weights(run_dir, draft, make_model(provider))
            _save_gin(run_dir, draft / f'operative_config-{step}.gin')
            _save_statistics(draft / STATISTICS, provider)
            rates = {
                'sample_rate': int(provider.sample_rate),
                'frame_rate': int(provider.frame_rate),
            }
        write_json(
            draft / DESCRIPTION, _describe(run_dir, step, {**description, **rates})
        )
        check(draft)
        shutil.rmtree(out_dir, ignore_errors=True)
        draft.rename(out_dir)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return out_dir


@contextlib.contextmanager
def configured(model_dir: pathlib.Path) -> Iterator[None]:
    """Within it gin is configured as the directory of a model says."""
    from ddsp.training import ddsp_run
    from ddsp.training.gin_scope import own_configuration

    with own_configuration():
        ddsp_run.parse_gin(str(model_dir))
        yield


def make_provider(file_pattern: str | None = None) -> Any:
    """Makes a provider of the rates and lengths that gin is configured for."""
    import gin

    with gin.config_scope('train'):
        return gin.get_configurable('data.TFRecordProvider')(file_pattern=file_pattern)


def make_model(provider: Any) -> Any:
    """Makes the model that gin is configured for; its weights are new ones."""
    from ddsp.training import models

    model = models.get_model()
    for batch in provider.get_batch(1, shuffle=False, repeats=1).take(1):
        model(batch, training=False)  # Before its first batch it has no weights.
    return model


def records_of(run_dir: pathlib.Path) -> str:
    """The pattern of the records that a run was trained on, wherever it is now."""
    from ddsp.training.data import dataset_info
    from ddsp.training.instrument import data

    info = dataset_info.read_json(str(run_dir / 'data' / dataset_info.FILE_NAME))
    if info is None:
        raise FileNotFoundError(
            f'{run_dir} has no data/dataset.json; expected a run of ddsp train.'
        )
    return data.patterns(run_dir, info)[0]


def _save_weights(run_dir: pathlib.Path, out_dir: pathlib.Path, model: Any) -> int:
    from ddsp.training import checkpoint_files, checkpoints

    newest = checkpoint_files.latest(str(run_dir))
    checkpoints.load(newest, model)
    step = checkpoint_files.step_of(newest)
    checkpoints.save(out_dir / f'ckpt-{step}', model)
    return step


def _save_gin(run_dir: pathlib.Path, path: pathlib.Path) -> None:
    from ddsp.training import train_util

    config = train_util.get_latest_operative_config(str(run_dir))
    path.write_text(without_places(pathlib.Path(config).read_text('utf-8')), 'utf-8')


def without_places(config: str) -> str:
    """A gin configuration without the bindings of files and directories.

    Raises
    ------
    ValueError
        When another binding holds the path of this machine.
    """
    kept, leaving = [], False
    for line in config.splitlines():
        binding = _BINDING.match(line)
        # What is indented, or closes a bracket, goes on with the binding above it.
        if binding or not line.startswith((' ', ')', ']', '}')):
            leaving = bool(binding) and binding['name'] in _PLACES
        if leaving:
            continue
        if _ABSOLUTE.search(line):
            raise ValueError(
                f'the configuration names a place of this machine: {line.strip()}; '
                'train without it, for others do not have it.'
            )
        kept.append(line)
    return '\n'.join(kept) + '\n'


def _save_statistics(path: pathlib.Path, provider: Any) -> None:
    from ddsp.training import postprocessing

    statistics = postprocessing.compute_dataset_statistics(provider)
    # A line for each, or a thousand quantiles would take thousands of lines.
    lines = (
        f' {json.dumps(key)}: {json.dumps(value, allow_nan=False)}'
        for key, value in statistics.items()
    )
    path.write_text('{\n' + ',\n'.join(lines) + '\n}\n', 'utf-8')


def _describe(
    run_dir: pathlib.Path, step: int, description: Mapping[str, Any]
) -> dict[str, Any]:
    import ddsp

    settings = json.loads((run_dir / 'run.json').read_text('utf-8'))
    data = json.loads((run_dir / 'data' / 'dataset.json').read_text('utf-8'))
    pitch = data['splits']['train']['statistics']['f0_midi']['quantiles']
    return {
        'format': 1,
        'lowest': round(pitch['0.01'], 1),
        'highest': round(pitch['0.99'], 1),
        **description,
        'ddsp_version': ddsp.__version__,
        'training': {
            # Of a file of one's own, others have the name alone.
            'model': pathlib.Path(settings['model']).name,
            **{key: settings[key] for key in ('batch_size', 'seed', 'method')},
            'steps': step,
            'steps_asked': settings['steps'],
            **_seconds(run_dir, step),
            'gin_params': list(settings['gin_params']),
            'recordings': data['recordings']['num_read'],
            'seconds_of_sound': round(data['recordings']['seconds'], 1),
        },
    }


def _seconds(run_dir: pathlib.Path, step: int) -> dict[str, float]:
    """How long training took, where the run has come to its end."""
    path = run_dir / 'metrics.json'
    found = json.loads(path.read_text('utf-8')) if path.exists() else {}
    if found.get('step') != step:
        return {}
    return {'seconds': round(found['training_seconds'], 1)}


def check(directory: pathlib.Path) -> float:
    """Refuses a directory that cannot travel; gives its size in MB.

    Raises
    ------
    ValueError
        When it is too large, or one of its texts names a place of this machine.
    """
    for path in [*directory.glob('*.gin'), *directory.glob('*.json')]:
        place = _ABSOLUTE.search(path.read_text('utf-8'))
        if place:
            raise ValueError(f'{path} names a place of this machine: {place[0]}...')
    megabytes = sum(path.stat().st_size for path in directory.iterdir()) / 1e6
    if megabytes > LARGEST_MB:
        raise ValueError(
            f'{directory} takes {megabytes:.2f} MB, expected at most {LARGEST_MB:g}: '
            'train a smaller model.'
        )
    return megabytes


def write_json(path: pathlib.Path, content: Mapping[str, Any]) -> None:
    """Writes plain data."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + '\n', 'utf-8')


def main() -> None:
    """Reads the command line and packs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('run_dir', type=pathlib.Path)
    parser.add_argument('out_dir', type=pathlib.Path)
    parser.add_argument('--title', help="for people; by default the directory's name")
    parser.add_argument('--source', default='', help='where the sound came from')
    parser.add_argument('--licence', default='', help='of the sound')
    flags = parser.parse_args()
    name = flags.out_dir.resolve().name
    pack(
        flags.run_dir,
        flags.out_dir,
        {
            'name': name,
            'title': flags.title or name.capitalize(),
            'source': flags.source,
            'licence': flags.licence,
        },
    )
    print(f'{flags.out_dir}: {check(flags.out_dir):.2f} MB')


if __name__ == '__main__':
    main()
