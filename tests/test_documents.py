"""Documents keep their word: code runs, commands are understood, links lead somewhere.

Blocks of a document run in order, in one namespace, in a directory with recordings. A
`text` block right below one of Python is what it prints.
"""

from __future__ import annotations

import argparse
import contextlib
import doctest
import importlib
import io
import json
import os
import pathlib
import re
import runpy
import sys
from collections.abc import Callable, Iterator
from typing import Any

import documents
import gin
import pytest
import tensorflow as tf
from tiny_model import write_tiny_model

from ddsp import audio_files, recordings
from ddsp.cli.main import main as ddsp_main
from ddsp.training import ddsp_run, gin_files, strategies
from ddsp.training.data_preparation import ddsp_prepare_tfrecord
from ddsp.training.gin_scope import own_configuration
from ddsp.training.instrument.settings import Settings, configure

DOCUMENTS = documents.documents()
WITH_CODE = [d for d in DOCUMENTS if any(documents.blocks(d))]
# What other people's programs do with their command lines is their affair.
FOREIGN = {'git', 'cd', 'jupyter', 'tensorboard', '.venv/bin/pre-commit'}
_PRINTED = doctest.OutputChecker()
_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Parsed(BaseException):
    """A command line was understood; nothing of what it asks for is done."""


@pytest.fixture
def parse(monkeypatch: pytest.MonkeyPatch) -> Callable[..., argparse.Namespace]:
    """Calls a program that reads a command line, and gives what it reads."""
    original = argparse.ArgumentParser.parse_args

    def parse_args(self: Any, args: Any = None, namespace: Any = None) -> None:
        raise Parsed(original(self, args, namespace))

    def parsed(program: Callable, *arguments: Any) -> argparse.Namespace:
        with monkeypatch.context() as patched, pytest.raises(Parsed) as caught:
            patched.setattr(argparse.ArgumentParser, 'parse_args', parse_args)
            program(*arguments)
        return caught.value.args[0]

    return parsed


@pytest.fixture
def here(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """The directory that documents suppose: recordings, and a model."""
    singing = audio_files.load_audio(recordings.singing_path())
    (tmp_path / 'my_recordings').mkdir()
    for name in ('my_recording.wav', 'my_recordings/first.wav'):
        audio_files.save_audio(tmp_path / name, singing[:32000], 16000)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def write_models(document: str, here: pathlib.Path) -> None:
    """Makes the models that a document supposes."""
    text = documents.read(document)
    if 'my_instrument' in text and document.startswith('docs/'):
        write_tiny_model(here / 'my_instrument')
    if 'old_model' in text:
        write_tiny_model(here / 'old_model', step=100)
        config = here / 'old_model/operative_config-100.gin'
        # As the established library once wrote it.
        old = config.read_text('utf-8').replace('RnnFcDecoder', 'ZRnnFcDecoder')
        old += '\nSpectralLoss.delta_delta_time_weight = 0.0\n'
        config.write_text(old, 'utf-8')


@pytest.fixture
def modules() -> Iterator[None]:
    """Forgets the modules that a document writes."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], '__file__', None)
        if file and pathlib.Path(file).name in ('tremolo.py',):
            del sys.modules[name]


@pytest.mark.parametrize('document', WITH_CODE)
def test_blocks(
    document: str,
    here: pathlib.Path,
    modules: None,
    parse: Callable[..., argparse.Namespace],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tf.random.set_seed(1)
    write_models(document, here)
    names: dict[str, Any] = {'__name__': pathlib.Path(document).stem}
    for block in documents.blocks(document):
        if block.file is not None:
            (here / block.file).write_text(block.code, 'utf-8')
            importlib.invalidate_caches()
        elif block.language == 'python':
            run_python(block, document, names)
        if block.language == 'gin':
            parse_gin(block.code)
        if block.language == 'json':
            json.loads(block.code)
        if block.language == 'sh':
            for words in documents.commands_of(block.code):
                check_command(words, parse, monkeypatch)


def run_python(block: documents.Block, document: str, names: dict[str, Any]) -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        # Blank lines in front make a traceback name the line of the document.
        exec(compile('\n' * block.line + block.code, document, 'exec'), names)
    got = printed.getvalue()
    want = block.shown or ''
    where = f'{document}, line {block.line + 1}'
    assert _PRINTED.check_output(want, got, _FLAGS), f'{where} prints:\n{got}'


def parse_gin(code: str) -> None:
    gin_files.add_search_paths()
    with gin.unlock_config():
        gin.parse_config(code)


def check_command(
    words: list[str],
    parse: Callable[..., argparse.Namespace],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Fails for a command that would not be understood."""
    name, *arguments = words
    if name in FOREIGN:
        return
    if name == 'make':
        check_make(arguments)
    elif name == 'pip':
        check_pip(arguments)
    elif name == 'python':
        check_script(arguments, parse, monkeypatch)
    elif name == 'ddsp':
        check_ddsp(parse(ddsp_main, arguments))
    elif name == 'ddsp_run':
        check_run(parse(ddsp_run.main, arguments), monkeypatch)
    else:
        assert name == 'ddsp_prepare_tfrecord', f'unknown command: {" ".join(words)}'
        parse(ddsp_prepare_tfrecord.main, arguments)


def check_make(arguments: list[str]) -> None:
    targets = re.findall(r'^([a-z-]+):', documents.read('Makefile'), re.MULTILINE)
    assert arguments[0] in targets


def check_pip(arguments: list[str]) -> None:
    project = documents.read('pyproject.toml')
    table = project.split('[project.optional-dependencies]')[1].split('\n[')[0]
    extras = re.findall(r'^(\w+) = \[', table, re.MULTILINE)
    for word in arguments:
        for asked in re.findall(r'^(?:\.|ddsp)\[([\w,]+)\]', word):
            assert set(asked.split(',')) <= set(extras)


def check_script(
    arguments: list[str],
    parse: Callable[..., argparse.Namespace],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = documents.ROOT / arguments[0]
    with monkeypatch.context() as patched:
        patched.setattr(sys, 'argv', [str(path), *arguments[1:]])
        patched.syspath_prepend(path.parent)
        if path.name == 'update_gin_config.py':
            # It takes no time, and what comes after it needs it.
            with pytest.raises(SystemExit, match='0'):
                runpy.run_path(str(path), run_name='__main__')
        else:
            parse(runpy.run_path, str(path), None, '__main__')


def check_ddsp(arguments: argparse.Namespace) -> None:
    if arguments.command == 'train':
        # With what is not given, as the command has it.
        given = {'model': arguments.model, 'gin_params': arguments.gin_param}
        with own_configuration():
            configure(Settings().changed(given))


def check_run(arguments: argparse.Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    with own_configuration():
        ddsp_run.parse_gin(
            '', arguments.gin_file, arguments.gin_param, arguments.gin_search_path
        )
    if arguments.cluster_config:
        with monkeypatch.context() as patched:
            patched.setenv('TF_CONFIG', '')
            patched.setattr(tf.distribute, 'MultiWorkerMirroredStrategy', lambda: None)
            strategies.get_strategy(cluster_config=arguments.cluster_config)


# Those of the site's home page are checked where the site is built, for they lead to
# pages that are made there.
@pytest.mark.parametrize('document', [d for d in DOCUMENTS if d != 'docs/index.md'])
def test_links_lead_somewhere(document: str) -> None:
    for link in documents.links(document):
        path, _, anchor = link.partition('#')
        target = (documents.ROOT / document).parent / path if path else None
        if target is not None and not in_copy(target):
            continue
        assert target is None or target.exists(), f'{document}: no {link}'
        if anchor:
            linked = (
                document
                if target is None
                else os.path.relpath(target.resolve(), documents.ROOT)
            )
            assert anchor in documents.anchors(linked), f'{document}: no {link}'


def in_copy(target: pathlib.Path) -> bool:
    """Whether tests can see it: those of a wheel run without the sources."""
    sources = documents.ROOT / 'ddsp'
    return sources.exists() or sources not in target.resolve().parents


@pytest.mark.parametrize('document', DOCUMENTS)
def test_no_block_is_overlooked(document: str) -> None:
    assert documents.fences_outside(document) == []
    known = {'python', 'sh', 'gin', 'json', 'text', ''}
    assert {block.language for block in documents.blocks(document)} <= known


@pytest.mark.parametrize('document', DOCUMENTS)
def test_make_targets_exist(document: str) -> None:
    for target in re.findall(r'`make ([a-z-]+)`', documents.read(document)):
        check_make([target])
