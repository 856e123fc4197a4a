"""Every notebook runs from its first cell to its last, and is committed clean."""

from __future__ import annotations

import json
import os
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import nbclient
import nbformat
import pytest
from jupyter_client.manager import KernelManager

from ddsp.colab.surroundings import SMALL_VARIABLE

ROOT = pathlib.Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / 'colab').rglob('*.ipynb'))
# A cell that takes longer is stuck.
CELL_SECONDS = 90
INSTALL = """\
# In Colab this installs ddsp; anywhere else it does nothing.
import sys

if 'google.colab' in sys.modules:
    %pip install --quiet 'ddsp[train]>=4'"""
# Between two notebooks: nothing that the first one named or set is left for the second.
FRESH_START = """\
get_ipython().run_line_magic('reset', '-f')
import os, sys
os.chdir({folder!r})
if 'keras' in sys.modules:
    sys.modules['keras'].backend.clear_session()
    sys.modules['keras'].mixed_precision.set_dtype_policy('float32')
if 'gin' in sys.modules:
    sys.modules['gin'].clear_config()
if 'tensorflow' in sys.modules:
    sys.modules['tensorflow'].config.run_functions_eagerly(False)
del os, sys
"""
each_notebook = pytest.mark.parametrize(
    'path', NOTEBOOKS, ids=lambda path: path.relative_to(ROOT / 'colab').as_posix()
)


class Kernel:
    """One kernel for all notebooks, since each import of TensorFlow takes seconds."""

    def __init__(self) -> None:
        self.manager: KernelManager | None = None

    def run(self, notebook: Any, folder: pathlib.Path) -> None:
        """Runs all cells in a folder, as if they were the first that the kernel sees.

        Raises
        ------
        AssertionError
            When a cell fails; the message shows the cell and what it said.
        """
        start = nbformat.v4.new_code_cell(FRESH_START.format(folder=str(folder)))
        whole = nbformat.v4.new_notebook(cells=[start, *notebook.cells])
        client = nbclient.NotebookClient(
            whole, km=self._alive(), timeout=CELL_SECONDS, kernel_name='python3'
        )
        try:
            # Cleaning up would end the kernel, too.
            with client.setup_kernel(cleanup_kc=False):
                for number, cell in enumerate(whole.cells):
                    self._run_cell(client, cell, number)
        except BaseException:
            # What a failed notebook leaves behind is nobody's start.
            self.end()
            raise
        finally:
            if client.kc is not None:
                client.kc.stop_channels()
        notebook.cells = whole.cells[1:]

    def _run_cell(self, client: Any, cell: Any, number: int) -> None:
        try:
            client.execute_cell(cell, number)
        except (nbclient.exceptions.CellExecutionError, TimeoutError) as error:
            raise AssertionError(
                f'cell {number} failed:\n\n{cell.source}\n\n{plain(str(error))}'
            ) from None

    def _alive(self) -> KernelManager:
        if self.manager is None or not self.manager.is_alive():
            self.manager = KernelManager(kernel_name='python3')
            self.manager.start_kernel(env=environment())
        return self.manager

    def end(self) -> None:
        """Ends the kernel; the next notebook gets a new one."""
        if self.manager is not None:
            self.manager.shutdown_kernel(now=True)
            self.manager = None


def environment() -> dict[str, str]:
    """Variables of the kernel: small settings, no graphics card, no network."""
    return {
        **os.environ,
        SMALL_VARIABLE: '1',
        'CUDA_VISIBLE_DEVICES': '-1',
        'TF_CPP_MIN_LOG_LEVEL': '3',
        'PYTHONPATH': os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')]),
        'http_proxy': 'http://127.0.0.1:9',
        'https_proxy': 'http://127.0.0.1:9',
        'no_proxy': 'localhost,127.0.0.1',
    }


def plain(text: str) -> str:
    """A traceback without the colours of a terminal."""
    return re.sub(r'\x1b\[[0-9;]*m', '', text)


@pytest.fixture(scope='module')
def kernel() -> Iterator[Kernel]:
    kernel = Kernel()
    yield kernel
    kernel.end()


def read(path: pathlib.Path) -> Any:
    return nbformat.read(path, as_version=4)


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == 'code']


def outputs(notebook: Any, kind: str) -> int:
    """How many things of a MIME type, or part of one, a notebook shows."""
    shown = [out for cell in code_cells(notebook) for out in cell.get('outputs', [])]
    types = [mime for out in shown for mime in out.get('data', {})]
    bundles = [text for out in shown for text in out.get('data', {}).values()]
    if kind == 'audio':
        return sum('<audio' in str(text) for text in bundles)
    return sum(kind in mime for mime in types)


@each_notebook
def test_runs(path: pathlib.Path, kernel: Kernel, tmp_path: pathlib.Path) -> None:
    notebook = read(path)
    kernel.run(notebook, tmp_path)
    assert outputs(notebook, 'image/png') > 0, 'nothing was drawn'
    assert outputs(notebook, 'audio') > 0, 'nothing was played'


def test_a_failing_cell_is_shown(kernel: Kernel, tmp_path: pathlib.Path) -> None:
    cells = ["word = 'kept'", "print(word)\nraise KeyError('no such key')", 'word = 1']
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in cells]
    )
    with pytest.raises(AssertionError) as failure:
        kernel.run(notebook, tmp_path)
    message = str(failure.value)
    assert cells[1] in message and "KeyError: 'no such key'" in message


def test_a_notebook_starts_fresh_in_the_same_kernel(
    kernel: Kernel, tmp_path: pathlib.Path
) -> None:
    def run(source: str) -> None:
        cells = [nbformat.v4.new_code_cell(source)]
        kernel.run(nbformat.v4.new_notebook(cells=cells), tmp_path)

    run('word = 1')
    number = kernel.manager.provisioner.pid
    with pytest.raises(AssertionError, match="name 'word' is not defined"):
        run(f'import os; assert os.getpid() == {number}; print(word)')


def test_there_are_notebooks() -> None:
    names = {path.stem for path in NOTEBOOKS}
    tutorials = ('0_processor', '1_synths_and_effects', '2_processor_group')
    assert {*tutorials, '4_core_functions'} <= names


@each_notebook
def test_is_committed_clean(path: pathlib.Path) -> None:
    text = path.read_text(encoding='utf-8')
    notebook = json.loads(text)
    assert (notebook['nbformat'], notebook['nbformat_minor']) == (4, 5)
    nbformat.validate(notebook)
    ids = [cell['id'] for cell in notebook['cells']]
    assert len(set(ids)) == len(ids)
    for cell in notebook['cells']:
        assert cell['metadata'] == {}
        if cell['cell_type'] == 'code':
            assert cell['outputs'] == [] and cell['execution_count'] is None
    assert notebook['metadata']['kernelspec']['name'] == 'python3'
    # As `nbformat` writes it, so that differences are those of the content.
    assert text == nbformat.writes(nbformat.from_dict(notebook)) + '\n'


@each_notebook
def test_stands_anywhere(path: pathlib.Path) -> None:
    notebook = read(path)
    assert code_cells(notebook)[0].source == INSTALL
    for cell in notebook.cells:
        absolute = re.findall(
            r'[\'"(\s](/(?:home|root|tmp|Users|work|usr|mnt)\b)', cell.source
        )
        assert not absolute, cell.source
        if cell.cell_type == 'code' and cell.source != INSTALL:
            assert not re.search(r'^\s*[!%]', cell.source, re.MULTILINE), cell.source


@each_notebook
def test_begins_with_what_will_be_heard_and_ends_with_an_exercise(
    path: pathlib.Path,
) -> None:
    first, *_, last = [
        cell.source for cell in read(path).cells if cell.cell_type == 'markdown'
    ]
    assert re.match(r'# .+\n\nYou will ', first)
    if path.parent.name == 'tutorials':
        assert '\n## Exercise' in f'\n{last}'


@each_notebook
def test_links_lead_somewhere(path: pathlib.Path) -> None:
    for cell in read(path).cells:
        if cell.cell_type == 'markdown':
            for target in re.findall(r'\]\(([^)#]+)', cell.source):
                if not re.match(r'https?://', target):
                    assert (path.parent / target).exists(), target


def test_the_list_names_them_all() -> None:
    readme = (ROOT / 'colab/README.md').read_text(encoding='utf-8')
    for path in NOTEBOOKS:
        assert f']({path.relative_to(ROOT / "colab").as_posix()})' in readme
