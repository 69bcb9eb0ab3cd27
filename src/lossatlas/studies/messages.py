"""Messages about a wrong study file, which name the key, its value and what is allowed.

The checks are made by pydantic; this module states their results in the terms of the file.
"""

import difflib
import json
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from lossatlas.errors import BadInputError

SINGLE_QUOTES = (
    "in double quotes \\n and \\t are such characters: write / in place of each \\, or put the "
    "path in single quotes"
)
"""What to do about a Windows path in double quotes that happens to be TOML."""

SYNONYMS = {"lambda": "l2"}
"""Names that the paper has for keys, and the keys."""


def explained(
    error: ValidationError, tables: Mapping[str, Any], study: type[BaseModel], file: str
) -> BadInputError:
    """Make the error to raise of what pydantic has found.

    It is about the first problem, except that an unknown key comes before all others, because a key
    that is misspelled usually makes another one missing.

    Args:
        error: the error of pydantic for `tables`.
        tables: the content of the file.
        study: the model of the file, with one field for each table.
        file: name of the file.
    """
    details = error.errors()
    order = sorted(details, key=lambda detail: detail["type"] != "extra_forbidden")
    found = _message(order[0], tables, study, file)
    # Pydantic reports a value that fits none of several types once for each type.
    places = {detail["loc"][: 3 if detail["loc"][0] == "data" else 2] for detail in details}
    if len(places) == 1:
        return found
    others = f"{len(places) - 1} more problem" + ("s" if len(places) > 2 else "")
    return BadInputError(found.where, found.problem, f"{found.remedy} ({others} in this file)")


def _message(
    detail: ErrorDetails, tables: Mapping[str, Any], study: type[BaseModel], file: str
) -> BadInputError:
    table, *keys = [str(part) for part in detail["loc"]]
    if table not in study.model_fields and not isinstance(tables[table], dict):
        remedy = f"put it below one of {', '.join(f'[{name}]' for name in study.model_fields)}"
        return BadInputError(f"{file}: {table}", "the key is in no table", remedy)
    if table not in study.model_fields:
        return _unknown(f"{file}: [{table}]", table, list(study.model_fields), "table")
    content = tables.get(table)
    if content is None:
        return BadInputError(f"{file}: [{table}]", "the table is missing", _shape(table))
    if not isinstance(content, dict):
        return BadInputError(f"{file}: {table}", f"{_shown(content)} is no table", _shape(table))
    if detail["type"].startswith("union_tag"):
        return _bad_source(content, study, f"{file}: [{table}] source")
    model = _model(study, table, keys[0])
    key = keys[1] if model is not study.model_fields[table].annotation else keys[0]
    where = f"{file}: [{table}] {key}"
    if detail["type"] == "extra_forbidden":
        return _unknown(where, key, list(model.model_fields), "key")
    field = model.model_fields[key]
    if detail["type"] == "missing":
        return BadInputError(where, "the key is missing", f"write e.g. {_example(key, field)}")
    if detail["type"] == "other_kind":
        problem = f"only noise of kind {detail['ctx']['whose']} has this key"  # type: ignore[typeddict-item]
        return BadInputError(where, problem, "leave it out, or change kind")
    if detail["type"] == "part":
        why = detail["ctx"]  # type: ignore[typeddict-item]
        return BadInputError(where, why["why"], why["remedy"])
    if detail["type"] == "control_characters":
        problem = f"{_shown(content[key])} holds a line break, a tab or another control character"
        remedy = (
            "in double quotes \\n and \\t are such characters: write / in place of each \\, or "
        )
        return BadInputError(where, problem, f"{remedy}put the path in single quotes")
    return _bad_value(detail, where, key, content[key], field)


def _bad_value(
    detail: ErrorDetails, where: str, key: str, value: object, field: FieldInfo
) -> BadInputError:
    reason = str(detail.get("ctx", {}).get("error", ""))
    problem = f"{_shown(value)} is not {field.description}" + (f" ({reason})" if reason else "")
    return BadInputError(where, problem, f"write e.g. {_example(key, field)}")


def _bad_source(content: dict[str, Any], study: type[BaseModel], where: str) -> BadInputError:
    allowed = ", ".join(_sources(study))
    if "source" not in content:
        return BadInputError(where, "the key is missing", f"write one of {allowed}")
    return BadInputError(where, f"{_shown(content['source'])} is unknown", f"use {allowed}")


def _unknown(where: str, name: str, allowed: list[str], kind: str) -> BadInputError:
    if (meant := SYNONYMS.get(name.lower())) in allowed:
        return BadInputError(where, f"there is no such {kind}", f"did you mean {meant}?")
    by_lower_case = {known.lower(): known for known in allowed}
    near = [by_lower_case[k] for k in difflib.get_close_matches(name.lower(), by_lower_case, n=1)]
    remedy = f"did you mean {near[0]}?" if near else f"the {kind}s are {', '.join(allowed)}"
    return BadInputError(where, f"there is no such {kind}", remedy)


def _sources(study: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """The models of the table [data], by the name of the source."""
    models = get_args(study.model_fields["data"].annotation)
    return {get_args(model.model_fields["source"].annotation)[0]: model for model in models}


def _model(study: type[BaseModel], table: str, tag: str) -> type[BaseModel]:
    return _sources(study)[tag] if table == "data" else study.model_fields[table].annotation  # type: ignore[return-value]


def _shape(table: str) -> str:
    return f"write a line [{table}] and its keys below it"


def _example(key: str, field: FieldInfo) -> str:
    return f"{key} = {_shown((field.examples or [None])[0])}"


def _shown(value: object) -> str:
    """A value for messages, nearly as TOML writes it."""
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
