"""The command `ddsp_generate_synthetic_dataset`: records of synthetic notes."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gin
import numpy as np
import tensorflow as tf

from ddsp.training import flags, gin_files, termination
from ddsp.training.data import dataset_info
from ddsp.training.data_preparation import pipeline, synthetic_data
from ddsp.training.data_preparation.places import (
    check_free,
    check_writable,
    dataset_name,
    output_path,
)
from ddsp.training.data_preparation.splitting import shard_path
from ddsp.training.data_preparation.work_folders import work_folder
from ddsp.training.data_preparation.writing import put_in_place, serialize
from ddsp.training.gin_scope import own_configuration
from ddsp.training.guarding import FORESEEN, guarded

beam = pipeline.import_beam()

_DESCRIPTION = """\
Draws synthetic notes, whose controls are known, and writes TFRecords of them with a
dataset.json beside them, for example

  ddsp_generate_synthetic_dataset --output_tfrecord_path=data/notes.tfrecord \\
    --num_examples=10000 --num_shards=10

gin tells what is drawn: --gin_param="generate_examples.generate_fn = @generate_notes"
draws tones that last, @generate_notes_v2, which is the default, melodies, and
--gin_param="generate_notes_v2.n_timesteps = 250" makes examples longer. The same
--random_seed gives the same records, whatever the runner and the number of shards.

Exit status: 0 when all went well; 1 for an error, after which nothing was written; 2
for a wrong command line; 130 for Ctrl-C, 143 for SIGTERM.
"""
_DEFAULTS = (
    'generate_examples.generate_fn = @generate_notes_v2',
    'generate_notes.n_timesteps = 125',
)

# Which configuration this process has read for its workers, and who may change that.
_READ: list[str] = []
_READING = threading.Lock()


class GenerateExampleFn(beam.DoFn):
    """Draws one example for each seed, as gin configures it.

    Parameters
    ----------
    gin_str : the configuration, which workers on other machines cannot know otherwise.
    **kwargs : of `apache_beam.DoFn`.
    """

    def __init__(self, gin_str: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.gin_str = gin_str

    def start_bundle(self) -> None:
        """Reads the configuration, where this process has not read it already."""
        with _READING:
            if [self.gin_str] != _READ:
                with gin.unlock_config():
                    gin.parse_config(self.gin_str)
                _READ[:] = [self.gin_str]

    @gin.configurable('generate_examples', module='ddsp.training.data_preparation')
    def process(
        self,
        seed: int | Sequence[int],
        generate_fn: Callable[..., dict[str, Any]] = gin.REQUIRED,
    ) -> Iterator[bytes]:
        """Draws an example.

        Parameters
        ----------
        seed : the same one, or the same sequence, gives the same example.
        generate_fn : draws controls `[1, frames, channels]` when it is called with
            `n_batch=1`, such as `synthetic_data.generate_notes_v2`.

        Yields
        ------
        A serialised `tf.train.Example`.
        """
        with synthetic_data.seeded(seed):
            features = generate_fn(n_batch=1)
        yield serialize(
            {name: np.asarray(value[0]).ravel() for name, value in features.items()}
        )


class _WriteShardFn(beam.DoFn):
    """Writes the examples of one file aside, one after the other.

    Only the name of the file goes through the pipeline: what a runner keeps of the
    elements that pass stays small however many examples there are.
    """

    def __init__(self, gin_str: str) -> None:
        super().__init__()
        self._draw = GenerateExampleFn(gin_str)

    def start_bundle(self) -> None:
        self._draw.start_bundle()

    def process(self, shard: tuple[str, int, range]) -> Iterator[None]:
        path, random_seed, numbers = shard
        with tf.io.TFRecordWriter(path) as writer:
            for number in numbers:
                for example in self._draw.process([random_seed, number]):
                    writer.write(example)
        yield None


def generate(
    output_tfrecord_path: str,
    num_examples: int = 1000,
    num_shards: int = 2,
    random_seed: int = 0,
    pipeline_options: Sequence[str] = (),
) -> dict[str, Any]:
    """Writes records of synthetic notes, as gin configures them.

    Parameters
    ----------
    output_tfrecord_path : what names of record files begin with; `-00000-of-00002` is
        added.
    num_examples : how many notes or melodies to draw.
    num_shards : files to spread them over.
    random_seed : 0 or above; the same seed gives the same examples.
    pipeline_options : for Apache Beam.

    Returns
    -------
    What `dataset.json` says.

    Raises
    ------
    ValueError
        For numbers that are too small; for a path that is a folder, or whose names of
        files are those of another dataset.
    OSError
        When no file may be written where the records go.
    RuntimeError
        When the same records are being prepared already on this machine, or when a
        step of the pipeline fails.
    """
    output = output_path(output_tfrecord_path)
    _check_numbers(num_examples, num_shards, random_seed)
    check_writable(os.path.dirname(output))
    check_free(output, [''])
    gin_str = gin.config_str()
    (example,) = GenerateExampleFn(gin_str).process([random_seed, 0])
    with work_folder(output) as folder:
        finals = [
            shard_path(output, '', index, num_shards) for index in range(num_shards)
        ]
        parts = [range(index, num_examples, num_shards) for index in range(num_shards)]
        aside = [os.path.join(folder, os.path.basename(path)) for path in finals]
        _READ[:] = [gin_str]  # This process has it; worker threads shall not read it.
        _run(
            [(path, random_seed, part) for path, part in zip(aside, parts)],
            gin_str,
            pipeline_options,
        )
        info = _describe(output, random_seed, example, finals, aside, parts)
        put_in_place(list(zip(aside, finals)), output, info, folder)
    return info


def _check_numbers(num_examples: int, num_shards: int, random_seed: int) -> None:
    for name, value, least in (
        ('num_examples', num_examples, 1),
        ('num_shards', num_shards, 1),
        ('random_seed', random_seed, 0),
    ):
        if value < least:
            raise ValueError(f'--{name} is {value}, expected at least {least}.')
    if num_shards > num_examples:
        raise ValueError(
            f'--num_shards is {num_shards}, more than the {num_examples} examples of '
            '--num_examples: some files would be empty.'
        )


def _run(shards: list[Any], gin_str: str, options: Sequence[str]) -> None:
    graph = pipeline.make_pipeline(options)
    _ = (
        graph
        | 'Shards' >> beam.Create(shards)
        | 'SpreadShards' >> beam.Reshuffle()
        | 'Write' >> beam.ParDo(_WriteShardFn(gin_str))
    )
    pipeline.run_pipeline(graph)


def _describe(
    output: str,
    random_seed: int,
    example: bytes,
    finals: list[str],
    aside: list[str],
    parts: list[range],
) -> dict[str, Any]:
    """The content of `dataset.json`."""
    features = tf.train.Example.FromString(example).features.feature
    lengths = {name: len(f.float_list.value) for name, f in sorted(features.items())}
    n_timesteps = lengths['f0_hz']
    files = [
        {
            'name': os.path.basename(final),
            'num_examples': len(part),
            'bytes': int(tf.io.gfile.stat(path).length),
        }
        for final, path, part in zip(finals, aside, parts)
    ]
    return {
        'format': dataset_info.FORMAT,
        'name': dataset_name(output),
        'seed': random_seed,
        'n_timesteps': n_timesteps,
        'n_harmonics': lengths['harm_dist'] // n_timesteps,
        'n_mags': lengths['noise_magnitudes'] // n_timesteps,
        'features': lengths,
        'splits': {
            'train': {
                'file_pattern': f'{os.path.basename(output)}-*-of-{len(files):05d}',
                'num_examples': sum(file['num_examples'] for file in files),
                'files': files,
            }
        },
    }


def make_parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = argparse.ArgumentParser(
        prog='ddsp_generate_synthetic_dataset',
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        '--output_tfrecord_path',
        required=True,
        metavar='PATH',
        help='what names of record files begin with, such as data/notes.tfrecord',
    )
    for name, default, text in (
        ('num_shards', 2, 'files to write'),
        ('num_examples', 1000, 'notes or melodies to draw'),
        ('random_seed', 0, 'of all that is drawn'),
    ):
        parser.add_argument(
            f'--{name}',
            type=int,
            default=default,
            metavar='N',
            help=f'{text} (default: {default})',
        )
    flags.add_list(parser, 'gin_search_path', 'where gin files are looked for first')
    flags.add_list(parser, 'gin_file', 'a gin file')
    flags.add_list(parser, 'gin_param', "a binding, such as 'generate_notes_v2....'")
    parser.add_argument(
        '--pipeline_options',
        default='',
        metavar='OPTIONS',
        help='for Apache Beam, with commas between (default: here, on all cores)',
    )
    flags.add_switch(parser, 'debug', False, 'show where an error came from')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; gives its exit status.

    Parameters
    ----------
    argv : the command line without the program's name; that of the process by default.
    """
    arguments = make_parser().parse_args(argv)
    return guarded(
        lambda: _generate_and_tell(arguments),
        'ddsp_generate_synthetic_dataset',
        'nothing was written',
        arguments.debug,
        foreseen=(*FORESEEN, RuntimeError),
    )


def _generate_and_tell(arguments: argparse.Namespace) -> int:
    with termination.sigterm_raises():
        info = _generate(arguments)
    split = info['splits']['train']
    print(f'{split["num_examples"]} examples: {split["file_pattern"]}', file=sys.stderr)
    return 0


def _generate(arguments: argparse.Namespace) -> dict[str, Any]:
    gin_files.add_search_paths(flags.split_commas(arguments.gin_search_path))
    with own_configuration():
        gin_files.parse_params(_DEFAULTS)
        gin_files.parse_files(arguments.gin_file)
        gin_files.parse_params(arguments.gin_param)
        try:
            return generate(
                arguments.output_tfrecord_path,
                arguments.num_examples,
                arguments.num_shards,
                arguments.random_seed,
                flags.split_commas(arguments.pipeline_options),
            )
        finally:
            _READ.clear()


def console_entry_point() -> int:
    """What the installed command calls; gives the exit status."""
    return termination.leave(main())


if __name__ == '__main__':
    sys.exit(console_entry_point())
