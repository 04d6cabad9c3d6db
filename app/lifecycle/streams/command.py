"""What the command lines of streams share: three options, and what is settled before a run."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from functools import partial

import orjson

from app import log
from app.domain.prediction import ServedModel
from app.errors import OperatorError
from app.lifecycle.streams.current import CurrentModel, current_model
from app.lifecycle.streams.schema import message_schema
from app.settings.overlay import load
from app.settings.schema import Settings


def add_options(parser: ArgumentParser, unit: str) -> None:
    """Give *parser* the options of every stream, of which *unit* is one item."""
    help_of = "NAME or NAME@VERSION; without a version what is promoted, looked at every 2 seconds"
    parser.add_argument("--model", metavar="NAME[@VERSION]", help=help_of)
    help_of = "the probability of each class too"
    parser.add_argument("--probabilities", action="store_true", help=help_of)
    help_of = f"print the JSON Schema of a {unit}, and end"
    parser.add_argument("--schema", action="store_true", help=help_of)


def scored(
    options: Namespace,
    open_version: Callable[[Settings, str, str | None], ServedModel],
    run: Callable[[Settings, Namespace, CurrentModel], int],
) -> int:
    """Open the model that *options* name, and *run* with it; or print the schema that is asked for.

    Raises:
        OperatorError: the model cannot be opened, or does not give what is asked for.
    """
    settings = load()
    model = current_model(settings, options.model, partial(open_version, settings))
    contract = model.get().contract
    if options.schema:
        schema = message_schema(contract, settings.model.input_validation)
        sys.stdout.write(orjson.dumps(schema, option=orjson.OPT_INDENT_2).decode() + "\n")
        return 0
    if options.probabilities and not contract.outputs.has_probabilities:
        raise OperatorError(f"{contract.name} has no probabilities. Fix: without --probabilities.")
    log.configure(level=settings.log.level)
    return run(settings, options, model)
