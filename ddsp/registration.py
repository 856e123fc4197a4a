"""How things become known by name: to gin files, and to Keras when it saves."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import gin
import keras

T = TypeVar('T')


def register(module: str) -> Callable[[T], T]:
    """Makes a class known to gin as an argument (`@synths.Harmonic()`) and to Keras.

    Parameters
    ----------
    module : the module path under which gin files name it, such as `'ddsp.synths'`,
        whatever file the class stands in.

    Returns
    -------
    A decorator, which gives the class back as it was.
    """

    def decorate(cls: T) -> T:
        cls = keras.saving.register_keras_serializable('ddsp')(cls)
        return gin.register(cls, module=module)

    return decorate


def configurable(module: str) -> Callable[[T], T]:
    """Like `register`, for the few entry points whose every call gin configures.

    Parameters
    ----------
    module : the module path under which gin files name it.

    Returns
    -------
    A decorator, which gives the class back with a constructor that gin fills in.
    """

    def decorate(cls: T) -> T:
        cls = gin.configurable(cls, module=module)
        _show_signature(cls)
        return keras.saving.register_keras_serializable('ddsp')(cls)

    return decorate


def _show_signature(cls: type) -> None:
    """Lets Keras read the arguments of a constructor, as it does for each instance.

    gin replaces the constructor by a wrapper that takes anything; what it wraps is
    still known.
    """
    made = cls.__init__
    if hasattr(made, '__wrapped__') and not hasattr(made, '__signature__'):
        made.__signature__ = inspect.signature(made)


def serialize_callable(fn: Callable | str | None, where: str = '') -> Any:
    """Writes a function as plain data for `get_config`.

    A function of this library is written by its path, a `functools.partial` of one with
    its keywords, a gin reference with its bindings, an object such as a Keras
    initializer by its `get_config`; other functions need
    `@keras.saving.register_keras_serializable()`.

    Parameters
    ----------
    fn : the function; a text or `None` passes unchanged.
    where : what it belongs to, for the message of an error.

    Returns
    -------
    A path such as `'ddsp.core.exp_sigmoid'`, or a dictionary, for JSON.

    Raises
    ------
    ValueError
        For a lambda or a local function, which no file can name, for an object without
        `get_config`, and for a partial function with positional arguments.

    Examples
    --------
    >>> import ddsp
    >>> serialize_callable(ddsp.core.exp_sigmoid)
    'ddsp.core.exp_sigmoid'
    """
    if fn is None or isinstance(fn, str):
        return fn
    if isinstance(fn, functools.partial):
        if fn.args:
            raise ValueError(f'{where}: give a partial function keywords only.')
        inner = serialize_callable(fn.func, where)
        return {'partial': inner, 'keywords': dict(fn.keywords)}
    bindings = _gin_bindings(fn)
    if bindings:
        path = serialize_callable(inspect.unwrap(fn), where)
        return {'partial': path, 'keywords': bindings}
    if _has_config(fn):
        return keras.saving.serialize_keras_object(fn)
    plain = inspect.unwrap(fn)
    if not hasattr(plain, '__name__'):
        kind = type(plain).__name__
        raise ValueError(
            f'{where or kind}: an object of the class {kind} cannot be saved; expected '
            'a function, or an object with get_config.'
        )
    for path in _public_paths(plain):
        if _names(path, plain):
            return path
    if keras.saving.get_registered_name(fn) != fn.__name__:
        return keras.saving.serialize_keras_object(fn)
    raise ValueError(
        f'{where or fn.__name__}: the function {fn.__qualname__} cannot be saved; '
        'define it at the top of a module and decorate it with '
        '@keras.saving.register_keras_serializable().'
    )


def deserialize_callable(config: Any) -> Callable | None:
    """Reads what `serialize_callable` wrote; a callable or `None` passes unchanged.

    Only functions of ddsp, TensorFlow and Keras are found by path: a file cannot
    name others, since loading one must not run what its author chose.

    Raises
    ------
    ValueError
        When there is no such function.
    """
    if config is None or callable(config):
        return config
    if isinstance(config, str):
        return _find(config)
    if 'partial' in config:
        fn = deserialize_callable(config['partial'])
        return functools.partial(fn, **config['keywords'])
    return keras.saving.deserialize_keras_object(config)


def _gin_bindings(fn: Callable) -> dict[str, Any]:
    """The values that gin would give to a function passed as `@core.exp_sigmoid`."""
    if inspect.unwrap(fn) is fn:
        return {}
    # A reference with a scope is one more wrapper, which keeps the scope to itself.
    scope = inspect.getclosurevars(fn).nonlocals.get('scope_components', [])
    configurable_fn = fn.__wrapped__ if scope else fn
    try:
        with gin.config_scope(list(scope)):
            return dict(gin.get_bindings(configurable_fn))
    except ValueError:  # Wrapped by something else than gin.
        return {}


def _public_paths(fn: Callable) -> list[str]:
    """Where users find a function, before the file in which it happens to stand."""
    name = fn.__name__
    tensorflow_names = getattr(fn, '_tf_api_names', ())
    return [f'tensorflow.{path}' for path in tensorflow_names] + [
        f'ddsp.core.{name}',
        f'ddsp.spectral_ops.{name}',
        f'keras.activations.{name}',
    ]


def _names(path: str, fn: Callable) -> bool:
    try:
        return inspect.unwrap(_find(path)) is fn
    except ValueError:
        return False


def _find(path: str) -> Callable:
    root, *parts = path.split('.')
    if root not in ('ddsp', 'tensorflow', 'keras'):
        raise ValueError(f'{path!r} is not a function of ddsp, TensorFlow or Keras.')
    found: Any = importlib.import_module(root)
    for part in parts:
        found = getattr(found, part, None)
    if not callable(found):
        raise ValueError(f'there is no function {path!r}.')
    return found


class Configured:
    """Gives a Keras layer its `get_config` and `from_config`.

    The constructor's arguments are the configuration, also those that a subclass hands
    on in `**kwargs`: each is kept as an attribute of the same name, so that values
    injected by gin are saved too. Functions are saved by
    name, layers and other objects by their own configuration, also inside lists, tuples
    and dictionaries. Put this class before `keras.layers.Layer` among the bases.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Makes an instance, also of a subclass under a plain `@gin.configurable`."""
        _show_signature(cls)
        made = super().__new__(cls, *args, **kwargs)
        # Keras keeps track of what is set otherwise, and is not ready for it yet.
        object.__setattr__(made, '_handed_on', _handed_on(cls, kwargs))
        return made

    def get_config(self) -> dict[str, Any]:
        """Everything the constructor needs to make this layer again, as plain data.

        Raises
        ------
        ValueError
            When the layer does not keep an argument of its constructor, or keeps one
            that no file can hold.
        """
        config = dict(super().get_config())
        for name, value in self._constructor_arguments().items():
            config[name] = _plain(value, f'{self.name}.{name}')
        config['name'], config['trainable'] = self.name, self.trainable
        return _accepted(type(self), config)

    def _constructor_arguments(self) -> dict[str, Any]:
        """What the constructor was given, by name, without what all layers take."""
        cls = type(self)
        found = {}
        for name in _argument_names(cls):
            if hasattr(self, name):
                found[name] = getattr(self, name)
            # A class with a get_config of its own gives there what it does not keep.
            elif not issubclass(_owner(cls, 'get_config'), _owner(cls, '__init__')):
                raise ValueError(
                    f'{self.name}: {cls.__name__} does not keep its argument {name!r}, '
                    f'which has to be saved; write self.{name} = {name} in __init__, '
                    'or a get_config that gives it.'
                )
        for name in self._handed_on:
            if name not in found and hasattr(self, name):
                found[name] = getattr(self, name)
        return found

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Makes the layer that `get_config` described."""
        config = {name: _from_plain(value) for name, value in config.items()}
        return cls(**_accepted(cls, config))


# What all layers take, and Keras writes on its own.
_OF_ALL_LAYERS = ('name', 'trainable', 'dtype')


def _argument_names(cls: type) -> list[str]:
    return [
        name
        for name, parameter in inspect.signature(cls.__init__).parameters.items()
        if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        and name not in ('self', *_OF_ALL_LAYERS)
    ]


def _handed_on(cls: type, kwargs: Iterable[str]) -> tuple[str, ...]:
    """Names of arguments that a constructor takes as `**kwargs`: given, or gin's."""
    named = {*_argument_names(cls), *_OF_ALL_LAYERS}
    bound = (name for base in cls.__mro__ for name in _bound_by_gin(base))
    return tuple(dict.fromkeys(x for x in (*kwargs, *bound) if x not in named))


def _bound_by_gin(cls: type) -> Iterable[str]:
    try:
        return gin.get_bindings(cls, resolve_references=False)
    except ValueError:  # Gin does not know the class.
        return ()


def _owner(cls: type, method: str) -> type:
    """The class, of a class and its bases, that defines a method."""
    return next(base for base in cls.__mro__ if method in vars(base))


def _plain(value: Any, where: str) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item, f'{where}[{key!r}]') for key, item in value.items()}
    if type(value) is tuple:
        return tuple(_plain(item, f'{where}[{i}]') for i, item in enumerate(value))
    if isinstance(value, list):
        return [_plain(item, f'{where}[{i}]') for i, item in enumerate(value)]
    if _has_config(value):
        return keras.saving.serialize_keras_object(value)
    if callable(value):
        return {'callable': serialize_callable(value, where)}
    return value


def _from_plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_from_plain(item) for item in value]
    if type(value) is tuple:
        return tuple(_from_plain(item) for item in value)
    if not isinstance(value, dict):
        return value
    if set(value) == {'callable'}:
        return deserialize_callable(value['callable'])
    if 'class_name' in value and 'config' in value:
        return keras.saving.deserialize_keras_object(value)
    return {key: _from_plain(item) for key, item in value.items()}


def _has_config(value: Any) -> bool:
    """Whether this is an object that Keras knows how to write."""
    return hasattr(value, 'get_config') and not isinstance(value, type)


def _accepted(cls: type, config: dict[str, Any]) -> dict[str, Any]:
    """Drops what a constructor without `**kwargs` would refuse."""
    parameters = inspect.signature(cls.__init__).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return config
    return {name: value for name, value in config.items() if name in parameters}
