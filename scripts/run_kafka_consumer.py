"""Score the messages of a Kafka topic, one row a message, as a member of a consumer group.

A message is {"features": [0.1, …]} or {"features": {"age": 41, …}}; an "id" comes back with the
answer, other members under "context". What cannot be scored goes to the dead-letter topic as it
was, with the reason in a header. Topics, group and connection are streaming.kafka of the settings.

At least once: offsets are committed when every output is acknowledged. After a crash some outputs
come twice; each names the topic, partition and offset of its source, in headers and in the JSON,
so the second can be dropped. With streaming.kafka.transactional outputs and offsets are committed
in one transaction; that the calls are made in the right order is tested, exactly-once is not: no
broker that does transactions was there to show it on.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from typing import Final

import orjson

from app import log
from app.command_line import run
from app.errors import OperatorError
from app.lifecycle.progress import progress
from app.lifecycle.streams.current import CurrentModel, current_model
from app.lifecycle.streams.kafka import KafkaStream, Wanted
from app.lifecycle.streams.kafka_clients import connected
from app.lifecycle.streams.kafka_metrics import KafkaMetrics
from app.lifecycle.streams.schema import message_schema
from app.lifecycle.streams.stopping import asked_to_stop
from app.settings.overlay import load
from app.settings.schema import Settings
from app.wiring.offline import open_version

_EXAMPLES: Final = """examples:
  scripts/run_kafka_consumer.py --model diabetes          # until SIGTERM or Ctrl-C
  scripts/run_kafka_consumer.py --until-idle 10           # for a demonstration
  scripts/run_kafka_consumer.py --schema > message.schema.json
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Score; exit 0 when asked to stop or at the end that was named, 2 when it cannot go on."""
    options = _parser().parse_args(argv)
    return run(lambda: _scored(options))


def _parser() -> argparse.ArgumentParser:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, epilog=_EXAMPLES, formatter_class=plain)
    help_of = "NAME or NAME@VERSION; without a version what is promoted, looked at every 2 seconds"
    parser.add_argument("--model", metavar="NAME[@VERSION]", help=help_of)
    help_of = "the probability of each class too"
    parser.add_argument("--probabilities", action="store_true", help=help_of)
    parser.add_argument("--max-messages", type=_positive, metavar="N", help="end after N messages")
    help_of = "end when none came for so long"
    parser.add_argument("--until-idle", type=_positive, metavar="SECONDS", help=help_of)
    help_of = "print the JSON Schema of a message, and end"
    parser.add_argument("--schema", action="store_true", help=help_of)
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1")
    return int(text)


def _scored(options: argparse.Namespace) -> int:
    settings = load()
    model = current_model(settings, options.model, partial(open_version, settings))
    contract = model.get().contract
    if options.schema:
        schema = message_schema(contract, settings.model.input_validation)
        print(orjson.dumps(schema, option=orjson.OPT_INDENT_2).decode())
        return 0
    if options.probabilities and not contract.outputs.has_probabilities:
        raise OperatorError(f"{contract.name} has no probabilities. Fix: without --probabilities.")
    log.configure(level=settings.log.level)
    return _run(settings, options, model)


def _run(settings: Settings, options: argparse.Namespace, model: CurrentModel) -> int:
    kafka = settings.streaming.kafka
    metrics = KafkaMetrics()
    wanted = Wanted(
        with_probabilities=options.probabilities,
        max_messages=options.max_messages,
        idle_seconds=options.until_idle,
    )
    with (
        metrics.served(settings.server.host, kafka.metrics_port),
        asked_to_stop() as stop,
        progress("scoring", None, "messages") as advance,
    ):
        stream = KafkaStream(connected(kafka), kafka, model, metrics)
        counts = stream.run(wanted, stop, advance)
    told = f"{counts.scored:,} scored, {counts.dead:,} to {kafka.dead_letter_topic}"
    print(told, file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
