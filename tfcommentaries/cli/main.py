"""The command line: `tfcommentaries learn | evaluate | teach | report | ...`."""

import importlib
import os
import re
import sys
import tempfile

from absl import app, logging

from tfcommentaries.cli import columns
from tfcommentaries.cli.parser import parse


def run(args):
    """Runs one command; returns the exit code.

    0: done; 1: the data, a file or a setting is wrong, or learning failed;
    130: interrupted. argparse itself exits with 2 on a wrong command line.
    """
    logging.set_verbosity(logging.WARNING)
    _open_standard_files()
    try:
        if args.command == "learn":
            columns.check(args)
        _start_tensorflow()
        # Imported late, so that --help needs no TensorFlow.
        command = importlib.import_module(f"tfcommentaries.cli.{args.command}")
        command.run(args)
    except KeyboardInterrupt:
        print("\nInterrupted. Run the same command to resume.", file=sys.stderr)
        return 130
    except (ValueError, OSError, ArithmeticError, ImportError) as error:
        _say(str(error))
        return 1
    except Exception as error:
        out_of_memory = _out_of_memory(error)
        if not out_of_memory and not _is_of_a_file(error):
            raise
        line = str(error).strip().partition("\n")[0]
        _say(out_of_memory or re.sub(r"^\{\{.*?\}\} | \[Op:\w+\].*$", "", line))
        return 1
    return 0


def _say(message):
    """Prints an error as one line, whoever wrote it."""
    print(f"error: {' '.join(message.split())[:1000]}", file=sys.stderr)


def _out_of_memory(error):
    """A sentence, if Python or TensorFlow could not get as much memory as needed."""
    found = re.search(
        r"OOM when allocating [^\n]{,80}|Unable to allocate .*", str(error)
    )
    if found is None and not isinstance(error, MemoryError):
        return None
    return (
        f"There is not enough memory ({found[0] if found else 'for this'}). Choose "
        "smaller images, smaller batches or fewer examples."
    )


def _is_of_a_file(error):
    """Whether TensorFlow could not read or write something, or had no room for it."""
    errors = importlib.import_module("tensorflow").errors
    of_files = (
        errors.AlreadyExistsError
        | errors.DataLossError
        | errors.FailedPreconditionError
        | errors.NotFoundError
        | errors.OutOfRangeError
        | errors.PermissionDeniedError
        | errors.ResourceExhaustedError
        | errors.UnavailableError
        | errors.UnimplementedError
    )
    in_a_graph = str(error).startswith("Graph execution error")
    return isinstance(error, of_files) and not in_a_graph


def _open_standard_files():
    """Opens what the caller has closed, as with `>&-`.

    Otherwise the next file to be opened would get what is printed.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free.
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w" if number else "r"))  # noqa: SIM115


def _start_tensorflow():
    """Starts TensorFlow and hides what it prints before its logging can be set."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tempfile.TemporaryFile() as printed:
        stderr = os.dup(2)
        os.dup2(printed.fileno(), 2)
        try:
            importlib.import_module("tensorflow").config.list_logical_devices()
        except Exception:
            printed.seek(0)
            os.write(stderr, printed.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def main():
    """Entry point of the console script."""
    app.run(run, flags_parser=parse)


if __name__ == "__main__":
    main()
