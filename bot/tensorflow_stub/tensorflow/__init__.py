"""Stands in for TensorFlow at import time.

Rasa 3.6 imports TensorFlow in modules that its rule and memoisation policies load but never use. Every name asked for
here is a placeholder class that can be subclassed, named in a type hint or used as a decorator; no placeholder computes
anything. A pipeline with a component that needs the real library (DIETClassifier, TEDPolicy) fails with the message
of ``_Placeholder.__call__``.
"""

import importlib.abc
import importlib.machinery
import sys
import types
from typing import Any, ClassVar

__version__ = "2.12.0"


class _Placeholder(type):
    """Metaclass of placeholder classes: attributes are placeholders too, a call decorates or refuses."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _placeholder(name)

    def __getitem__(cls, _key: Any) -> Any:
        return cls

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls.__dict__.get("_is_placeholder"):
            if len(args) == 1 and not kwargs and isinstance(args[0], types.FunctionType):
                return args[0]  # used as a decorator
            if cls.__name__ == "function":
                return lambda decorated: decorated
            raise ImportError(
                f"'{cls.__name__}' needs the real TensorFlow, which this environment leaves out; "
                "use RulePolicy and MemoizationPolicy, or install TensorFlow in bot/"
            )
        return super().__call__(*args, **kwargs)


def _placeholder(name: str) -> Any:
    return _Placeholder(name, (), {"_is_placeholder": True})


class _StubModule(types.ModuleType):
    __path__: ClassVar[list[str]] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        full = f"{self.__name__}.{name}"
        if full in sys.modules:
            return sys.modules[full]
        value = _placeholder(name) if name[:1].isupper() or name in _FUNCTIONS else _StubModule(full)
        setattr(self, name, value)
        return value

    def __call__(self, *_args: Any, **_kwargs: Any) -> Any:
        return None


_FUNCTIONS = {"function"}


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, fullname: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if fullname.startswith(("tensorflow.", "keras.")):
            return importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return _StubModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        return None


sys.meta_path.append(_Finder())
_root = _StubModule("tensorflow")


def __getattr__(name: str) -> Any:
    return getattr(_root, name)
