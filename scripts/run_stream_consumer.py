"""Score JSON lines, one row a line, from a file or a pipe.

Each line is {"features": [0.1, …]} or {"features": {"age": 41, …}}; an "id" comes back with the
answer, other members under "context". Lines that cannot be scored go to OUTPUT.rejects.jsonl with
the reason, and never end the run.

From file to file each line is answered exactly once: OUTPUT.checkpoint.json says how far it is,
and the same command goes on from there, also after a kill. From a pipe, what a killed process had
in hand is lost. With --follow a file may be rotated (renamed), also several times while nobody
reads; what is removed, compressed or cut off before it was read is lost: where that shows, the
log says so.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Final

from app.command_line import run
from app.lifecycle.progress import progress
from app.lifecycle.streams.command import add_options, scored
from app.lifecycle.streams.current import CurrentModel
from app.lifecycle.streams.json_lines import Wanted, rejects_beside, score_lines
from app.lifecycle.streams.stopping import asked_to_stop
from app.settings.schema import Settings
from app.wiring.offline import open_version

_EXAMPLES: Final = """examples:
  scripts/run_stream_consumer.py rows.jsonl answers.jsonl --model diabetes@1
  tail -F rows.jsonl | scripts/run_stream_consumer.py - - --probabilities
  scripts/run_stream_consumer.py --follow     # runtime/stream/input.jsonl, until SIGTERM or Ctrl-C
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Score; exit 0 at the end of the input or when asked to stop, 2 when it cannot go on."""
    options = _parser().parse_args(argv)
    return run(lambda: scored(options, open_version, _run))


def _parser() -> argparse.ArgumentParser:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, epilog=_EXAMPLES, formatter_class=plain)
    parser.add_argument("input", nargs="?", help="a file, a named pipe, or - for standard input")
    parser.add_argument("output", nargs="?", help="a file, a named pipe, or - for standard output")
    add_options(parser, "line")
    help_of = "at the end wait for more; a file may be rotated meanwhile"
    parser.add_argument("--follow", action="store_true", help=help_of)
    return parser


def _run(settings: Settings, options: argparse.Namespace, model: CurrentModel) -> int:
    streaming = settings.streaming
    default = settings.path(streaming.output_path)
    output = options.output or str(default)
    wanted = Wanted(
        input=options.input or str(settings.path(streaming.input_path)),
        output=output,
        rejects=rejects_beside(output, default.parent),
        follow=options.follow,
        with_probabilities=options.probabilities,
        most_rows=streaming.batch_rows,
        max_line_bytes=streaming.max_line_bytes,
    )
    with asked_to_stop() as stop, progress("scoring", None, "lines") as advance:
        counts = score_lines(wanted, model, stop, advance)
    told = f"{counts.answered:,} answered in {output}, {counts.rejected:,} rejected"
    print(told + (f" in {wanted.rejects}" if counts.rejected else ""), file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
