"""Checks a request against the types of OpenAI's own SDK, strictly: a field that they do not have is refused.

The SDK's `TypedDict`s are its specification of what may be sent. Refusals are worded and coded as the API's own are:
`Unknown parameter: 'messages[0].content[1].foo'.`
"""

import collections.abc
import functools
import types
from typing import Any, Literal, Union, get_args, get_origin

import typing_extensions
from openai._types import SequenceNotStr
from openai_errors import OpenaiError, invalid

# What the API takes although the SDK's types do not say so; each was seen from a client that works.
ALSO_NULL = {("ResponseReasoningItemParam", "content"), ("ResponseReasoningItemParam", "status"), ("ResponseOutputMessageParam", "status")}
OPTIONAL = {("FunctionToolParam", "strict"), ("FunctionToolParam", "parameters"), ("ResponseReasoningItemParam", "id"),
            ("ResponseOutputMessageParam", "id"), ("ResponseOutputMessageParam", "status"),
            ("ResponseOutputTextParam", "annotations")}
ALSO_KNOWN = {"ResponseCreateParamsBase": {"client_metadata": dict[str, str]}, "EasyInputMessageParam": {"id": str},
              "Message": {"id": str}, "ResponseCustomToolCallParam": {"status": str}, "WebSearchToolParam": {"search_content_types": list[str]}}
LISTS = (list, collections.abc.Iterable, collections.abc.Sequence, SequenceNotStr)
NAMES = {str: "a string", int: "an integer", float: "a decimal", bool: "a boolean", list: "an array", dict: "an object", type(None): "null"}


def check(value: object, hint: Any, at: str = "") -> None:
    """Raises the API's 400 where `value` is not what the type `hint` says."""
    origin = get_origin(hint)
    if hint in (Any, object):
        return
    if typing_extensions.is_typeddict(hint):
        _members(value, hint, at)
    elif origin in (Union, types.UnionType):
        _union(value, get_args(hint), at)
    elif origin is Literal:
        if value not in get_args(hint):
            raise invalid(at, f"Invalid value: {_quoted(value)}. Supported values are: {_listed(get_args(hint))}.")
    elif origin in LISTS:
        _is(value, list, at)
        for index, item in enumerate(value):
            check(item, get_args(hint)[0], f"{at}[{index}]")
    elif origin is dict:
        _is(value, dict, at)
        for name, item in value.items():
            check(item, get_args(hint)[1], f"{at}.{name}")
    elif origin is typing_extensions.Annotated:
        check(value, get_args(hint)[0], at)
    else:
        _is(value, hint, at)


def _members(value: object, hint: Any, at: str) -> None:
    _is(value, dict, at)
    fields, required = _fields(hint)
    for name in value:
        if name not in fields:
            path = _path(at, name)
            raise invalid(path, f"Unknown parameter: '{path}'.", "unknown_parameter")
    for name in required:
        if name not in value:
            path = _path(at, name)
            raise invalid(path, f"Missing required parameter: '{path}'.", "missing_required_parameter")
    for name, item in value.items():
        # At the top, null is the same as nothing.
        if item is None and ((hint.__name__, name) in ALSO_NULL or not at and name not in required):
            continue
        check(item, fields[name], _path(at, name))


def _union(value: object, options: tuple, at: str) -> None:
    """The first option that fits; where none does, the complaint of the one that came furthest."""
    flat = tuple(_flat(options))
    dicts = [option for option in flat if typing_extensions.is_typeddict(option)]
    if isinstance(value, dict) and dicts:
        flat = _of_that_kind(value, dicts, at) + [option for option in flat if get_origin(option) is dict]
    complaints = []
    for option in flat:
        try:
            return check(value, option, at)
        except OpenaiError as error:
            complaints.append(error)
    furthest = max(complaints, key=lambda error: len(error.param or ""))
    if furthest.param == at and furthest.code == "invalid_type":
        raise invalid(at, f"Invalid type for '{at}': got {_name(value)} instead.", "invalid_type")
    raise furthest


def _of_that_kind(value: dict, options: list, at: str) -> list:
    """Those of several kinds of objects whose `type` or `role` is the value's."""
    for tag in ("type", "role"):
        tagged = [option for option in options if _tags(option, tag)]
        if tag not in value:
            # Without its type, an object can only be of a kind that does not require one.
            options = [option for option in options if option not in tagged or tag not in _fields(option)[1]]
            if not options:
                raise invalid(_path(at, tag), f"Missing required parameter: '{_path(at, tag)}'.", "missing_required_parameter")
            continue
        known = [name for option in tagged for name in _tags(option, tag)]
        fitting = [option for option in options if option not in tagged or value[tag] in _tags(option, tag)]
        if not fitting or (tagged and value[tag] not in known):
            path = _path(at, tag)
            raise invalid(path, f"Invalid value: {_quoted(value[tag])}. Supported values are: {_listed(sorted(set(map(str, known))))}.")
        options = fitting
    return options


@functools.cache
def _fields(hint: Any) -> tuple[dict[str, Any], frozenset[str]]:
    """The members' types, and which members must be there."""
    fields, required = {}, set()
    for name, member in typing_extensions.get_type_hints(hint, include_extras=True).items():
        if get_origin(member) is typing_extensions.Required:
            member = get_args(member)[0]
            if (hint.__name__, name) not in OPTIONAL:
                required.add(name)
        fields[name] = member
    for base in (hint, *typing_extensions.get_original_bases(hint)):
        fields.update(ALSO_KNOWN.get(base.__name__, {}))
    return fields, frozenset(required)


def _tags(option: Any, tag: str) -> tuple:
    """What a member may say that tells kinds of objects apart."""
    member = _fields(option)[0].get(tag)
    literals = [member] if get_origin(member) is Literal else [each for each in get_args(member) if get_origin(each) is Literal]
    return tuple(name for each in literals for name in get_args(each))


def _flat(options: tuple):
    for option in options:
        if get_origin(option) in (Union, types.UnionType):
            yield from _flat(get_args(option))
        else:
            yield option


def _is(value: object, kind: Any, at: str) -> None:
    right = isinstance(value, (int, float)) if kind is float else isinstance(value, kind)
    if not right or (isinstance(value, bool) and kind is not bool):
        raise invalid(at, f"Invalid type for '{at}': expected {NAMES.get(kind, kind)}, but got {_name(value)} instead.", "invalid_type")


def _path(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _name(value: object) -> str:
    return NAMES.get(type(value), type(value).__name__)


def _quoted(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)


def _listed(values) -> str:
    quoted = [_quoted(value) for value in values]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])}, and {quoted[-1]}"
