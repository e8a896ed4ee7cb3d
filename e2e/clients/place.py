"""Where the proxy is; set by e2e/run."""

import os
import subprocess

WEB = int(os.environ["E2E_WEB"])
WEBSECURE = int(os.environ["E2E_WEBSECURE"])
CA = os.environ["E2E_CA"]
MANIFESTS = os.environ["E2E_MANIFESTS"]


def run(*command, **kwargs):
    """A command's output; it must end with code 0."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60, **kwargs)
    if done.returncode != 0:
        raise AssertionError(f"{command} ended with code {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout
