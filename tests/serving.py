"""Exported commentaries behind a stub of TensorFlow Serving."""

import contextlib
import os
import pathlib
import subprocess
import sys

SERVER = pathlib.Path(__file__).parent / "saving" / "prediction_server.py"


@contextlib.contextmanager
def serve(root):
    """Serves a directory of models in another process; gives two ports and its id.

    The first port is for gRPC, the second for REST.
    """
    process = subprocess.Popen(
        [sys.executable, str(SERVER), str(root)],
        stdout=subprocess.PIPE,
        text=True,
        # As servers run: oneDNN's convolution breaks on empty batches.
        env={**os.environ, "TF_ENABLE_ONEDNN_OPTS": "1"},
    )
    try:
        ports = (int(port) for port in process.stdout.readline().split())
        yield (*ports, process.pid)
    finally:
        process.kill()
        process.wait()
