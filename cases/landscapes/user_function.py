"""Finding and calling the function behind ``model = "module:function"``."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from cases.base.errors import suggestion
from cases.casefile.case import Case


def load(case: Case) -> Callable[..., object]:
    """The function that the case names.

    Raises:
        CaseError: no such module or function, or the module fails.
    """
    module_name, _, name = (case.system.model or "").rpartition(":")
    module = _module(case, module_name)
    function = getattr(module, name, None)
    if function is None:
        known = [n for n, value in vars(module).items() if inspect.isfunction(value)]
        raise case.error(
            "system.model",
            f"module '{Path(module_name).name}' has no function '{name}'",
            suggestion(name, known, "functions"),
        )
    if not callable(function):
        raise case.error("system.model", f"'{name}' in '{Path(module_name).name}' is no function", "name one")
    return function  # type: ignore[no-any-return]


def call(case: Case, function: Callable[..., object]) -> object:
    """The function's result for the options and parameters of the case.

    Raises:
        CaseError: an option that the function does not take, one that it misses, or an error inside it.
    """
    options = dict(case.system.options)
    try:
        accepted = inspect.signature(function).parameters
    except (TypeError, ValueError):
        accepted = {}  # type: ignore[assignment]
    free = any(p.kind is p.VAR_KEYWORD for p in accepted.values())
    for name in options:
        if name not in accepted and not free:
            raise case.error(
                f"system.options.{name}",
                "the function does not take it",
                suggestion(name, accepted, "arguments"),
            )
    numbers = {
        n: v for n, v in case.system.parameters.items() if (n in accepted or free) and n not in options
    }
    for name, argument in accepted.items():
        named = argument.kind in (argument.POSITIONAL_OR_KEYWORD, argument.KEYWORD_ONLY)
        if named and argument.default is argument.empty and name not in options | numbers:
            raise case.error("system.options", f"the function needs '{name}'", f"give system.options.{name}")
    try:
        return function(**options, **numbers)
    except Exception as error:
        raise _failed(case, "the function", error) from None


def _module(case: Case, name: str) -> ModuleType:
    if not name.endswith(".py"):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
                raise _failed(case, f"module '{name}'", error) from None
            raise case.error(
                "system.model",
                f"there is no module '{name}'",
                "put it beside the case file, or on Python's path",
            ) from None
        except (Exception, SystemExit) as error:
            raise _failed(case, f"module '{name}'", error) from None
    path = Path(name)
    unique = f"quasipot_model_{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(unique, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise case.error("system.model", f"no such file '{name}'", "paths start at the case file")
    module = importlib.util.module_from_spec(spec)
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))  # for what it imports, now or when it is called
    sys.modules[unique] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[unique]
        raise _failed(case, f"module '{path.name}'", error) from None
    return module


def _failed(case: Case, what: str, error: BaseException) -> Exception:
    return case.error("system.model", f"{what} failed with {type(error).__name__}: {error}", "correct it")
