"""How a graph of layers is written down, and what is wrong when it is."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

#: `(module or name, [input keys])` or `(module or name, [input keys], [output keys])`.
Node = Sequence[Any]
DAG = Sequence[Node]

INPUTS = 'inputs'
OUT = 'out'


class Source(NamedTuple):
    """Where a value comes from: a node or `'inputs'`, and the path in its result."""

    node: str
    path: str


class Step(NamedTuple):
    """A node whose keys have been understood; its module is known by its name."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    sources: tuple[Source, ...]


def format_dag(dag: DAG) -> list[tuple]:
    """Writes each node as a tuple of a module and lists of keys, or refuses it."""
    if not _is_list(dag):
        raise ValueError(f'a dag is a list of nodes, not {describe(dag)}.')
    if not dag:
        raise ValueError('the dag is empty; give it at least one node.')
    return [_format_node(node, f'node {i} of the dag') for i, node in enumerate(dag)]


def _format_node(node: Node, where: str) -> tuple:
    expected = '(module, [input keys]) or (module, [input keys], [output keys])'
    if not _is_list(node) or len(node) not in (2, 3):
        raise ValueError(f'{where} is {describe(node)}, expected {expected}.')
    module, *keys = node
    if inspect.isclass(module):
        raise ValueError(
            f'{where}: {module.__name__} is a class; make one: {module.__name__}(), '
            f'in a gin file @{module.__name__}().'
        )
    if not isinstance(module, str) and not callable(module):
        raise ValueError(
            f'{where}: the module is {describe(module)}, expected a Keras layer or '
            'the name of a module given as keyword argument.'
        )
    return module, *(_format_keys(part, where) for part in keys)


def _format_keys(keys: Any, where: str) -> list[str]:
    keys = [keys] if isinstance(keys, str) else keys
    if not _is_list(keys) or not all(isinstance(key, str) for key in keys):
        raise ValueError(
            f'{where}: keys are {describe(keys)}, expected texts in a list.'
        )
    for key in keys:
        if not all(key.split('/')):
            raise ValueError(f'{where}: the key {key!r} has an empty part.')
    return list(keys)


def collect_modules(
    nodes: Sequence[tuple], keyword_modules: Mapping[str, Any], where: str
) -> dict[str, Any]:
    """Finds the module of each node; those that no node uses come last.

    Raises
    ------
    ValueError
        When a node names a module that is not there, or a name is used twice.
    """
    for name, module in keyword_modules.items():
        if not callable(module) or inspect.isclass(module):
            raise ValueError(
                f'{where}: the keyword argument {name!r} is {describe(module)}, '
                'expected a Keras layer.'
            )
    modules: dict[str, Any] = {}
    for index, (module, *_) in enumerate(nodes):
        name = module if isinstance(module, str) else _name_of(module)
        if isinstance(module, str) and name not in keyword_modules:
            raise ValueError(
                f'{where}: node {index} of the dag names the module {name!r}, but the '
                f'modules given as keyword arguments are {list(keyword_modules)}'
                f'{near(name, keyword_modules)}.'
            )
        used_twice = name in modules
        if used_twice or (name in keyword_modules and module is not name):
            same_as_keyword = module is keyword_modules.get(name)
            if used_twice or not (isinstance(module, str) or same_as_keyword):
                raise ValueError(
                    f'{where}: the name {name!r} of node {index} is used twice; '
                    f'give each module its own: {type(module).__name__}(name=...).'
                )
        if name in (INPUTS, OUT):
            raise ValueError(
                f'{where}: node {index} of the dag is called {name!r}, which stands '
                'for what goes in or out; give it another name.'
            )
        modules[name] = keyword_modules.get(name, module)
    return {**modules, **keyword_modules}


def _name_of(module: Any) -> str:
    return getattr(module, 'name', None) or getattr(
        module, '__name__', type(module).__name__
    )


def make_steps(
    nodes: Sequence[tuple], modules: Mapping[str, Any], where: str, nested_inputs: bool
) -> tuple[Step, ...]:
    """Understands the keys of all nodes.

    Raises
    ------
    ValueError
        When a key cannot come from any input or earlier node.
    """
    names = list(modules)[: len(nodes)]
    outputs = [tuple(node[2]) if len(node) > 2 else () for node in nodes]
    for name, keys in zip(names, outputs):
        _check_output_keys(name, keys, modules[name], where)
    steps = []
    for index, (name, node) in enumerate(zip(names, nodes)):
        known = {
            earlier: keys or known_outputs(modules[earlier])
            for earlier, keys in zip(names[:index], outputs)
        }
        _check_number_of_inputs(name, node[1], modules[name], where)
        sources = tuple(
            _resolve(key, name, known, names[index:], where, nested_inputs)
            for key in node[1]
        )
        steps.append(Step(name, tuple(node[1]), outputs[index], sources))
    return tuple(steps)


def _check_number_of_inputs(
    name: str, keys: Sequence[str], module: Any, where: str
) -> None:
    if known_outputs(module) is None:  # Not a processor.
        return
    takes = module.call if hasattr(module, 'run_dag') else module.get_controls
    signature = inspect.signature(takes)
    try:
        signature.bind(*keys)
    except TypeError as error:
        raise ValueError(
            f'{where}: node {name!r} is given {list(keys)}, but takes '
            f'{list(signature.parameters)}: {error}.'
        ) from None


def _check_output_keys(name: str, keys: Sequence[str], module: Any, where: str) -> None:
    known = known_outputs(module)
    heads = [key.split('/')[0] for key in known or ()]
    for key in keys:
        if known is not None and key.split('/')[0] not in heads:
            raise ValueError(
                f'{where}: node {name!r} has the output key {key!r}, '
                f'but gives {list(known)}.'
            )


def _resolve(
    key: str,
    name: str,
    known: Mapping[str, Sequence[str] | None],
    later: Sequence[str],
    where: str,
    nested_inputs: bool,
) -> Source:
    head, _, path = key.partition('/')
    if head == INPUTS:
        return Source(INPUTS, path)
    asks = f'{where}: node {name!r} asks for {key!r}'
    if head in known:
        _check_result_key(key, path, known[head], asks)
        return Source(head, path)
    # A bare name is no result, so what is called like its own node is an input.
    if head in later and key != name:
        stands = 'is that node itself' if head == name else 'stands after it'
        raise ValueError(
            f"{asks}, but {head!r} {stands}; an input of that name is 'inputs/{key}'."
        )
    if path and not nested_inputs:
        raise ValueError(
            f'{asks}, but no earlier node is called {head!r}{near(head, known)}; '
            f"nodes before it: {list(known)}; a nested input is 'inputs/{key}'."
        )
    return Source(INPUTS, key)


def _check_result_key(
    key: str, path: str, outputs: Sequence[str] | None, asks: str
) -> None:
    if outputs is None:
        return
    head = key.split('/')[0]
    listed = [f'{head}/{output}' for output in outputs]
    # A path may go on below what is known, and may stop above it.
    fits = any(
        key == other or other.startswith(f'{key}/') or key.startswith(f'{other}/')
        for other in listed
    )
    inside_tensor = path.startswith('signal/')
    if not path or not fits or inside_tensor:
        raise ValueError(f'{asks}, which is not one of {listed}{near(key, listed)}.')


def known_outputs(module: Any) -> list[str] | None:
    """The results of a processor, whose controls are the arguments of `get_signal`.

    `None` for modules whose results show only when they run.
    """
    get_signal = getattr(module, 'get_signal', None)
    if get_signal is None or not hasattr(module, 'get_controls'):
        return None
    parameters = inspect.signature(get_signal).parameters.values()
    catch_all = any(p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in parameters)
    if catch_all or hasattr(module, 'run_dag'):
        return ['signal', 'controls']
    return ['signal', *(f'controls/{p.name}' for p in parameters)]


def takes_argument(module: Any, key: str, n_positional: int = 0) -> bool:
    """Whether a module can be called with a keyword argument.

    Parameters
    ----------
    module : layer or function; a graph takes what one of its modules takes.
    key : the argument.
    n_positional : how many arguments it gets by position.
    """
    signature = inspect.signature(_call_of(module))
    parameters = signature.parameters
    if key in parameters and parameters[key].kind is not inspect.Parameter.VAR_KEYWORD:
        return list(parameters).index(key) >= n_positional
    if hasattr(module, 'run_dag'):
        return any(takes_argument(inner, key) for inner in module.modules)
    # Only who knows the argument by name answers with a dictionary of outputs.
    catch_all = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    return catch_all and key != 'return_outputs_dict'


def takes_list(module: Any) -> bool:
    """Whether a module wants its inputs in one list, as layers that merge do."""
    parameters = inspect.signature(_call_of(module)).parameters.values()
    by_position = [
        p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    any_number = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    return len(by_position) == 1 and not any_number


def _call_of(module: Any) -> Callable:
    return getattr(module, 'call', module)


def near(name: str, names: Iterable[str]) -> str:
    """A hint at the most similar name, or nothing."""
    found = difflib.get_close_matches(name, list(names), 1)
    return f' (did you mean {found[0]!r}?)' if found else ''


def describe(value: Any) -> str:
    """A value and its type, short enough for an error message."""
    text = repr(value)
    text = text if len(text) <= 80 else f'{text[:77]}...'
    return f'{text} of type {type(value).__name__}'


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))
