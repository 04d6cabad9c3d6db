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
from typing import Final

from app.command_line import run
from app.lifecycle.option_values import count_of
from app.lifecycle.progress import progress
from app.lifecycle.streams.command import add_options, scored
from app.lifecycle.streams.current import CurrentModel
from app.lifecycle.streams.kafka import KafkaStream, Wanted
from app.lifecycle.streams.kafka_clients import connected
from app.lifecycle.streams.kafka_metrics import KafkaMetrics
from app.lifecycle.streams.stopping import asked_to_stop
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
    return run(lambda: scored(options, open_version, _run))


def _parser() -> argparse.ArgumentParser:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, epilog=_EXAMPLES, formatter_class=plain)
    add_options(parser, "message")
    parser.add_argument("--max-messages", type=count_of, metavar="N", help="end after N messages")
    help_of = "end when none came for so long"
    parser.add_argument("--until-idle", type=count_of, metavar="SECONDS", help=help_of)
    return parser


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
