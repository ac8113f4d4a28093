"""`redtrack train` as a test calls it."""

from click.testing import CliRunner

from redtrack.cli.train import train
from redtrack.errors import RedtrackError


def run_command(*words: object) -> str:
    """Output of `redtrack train WORDS`, which must succeed."""
    result = CliRunner().invoke(train, [str(w) for w in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def refusal(*words: object) -> RedtrackError:
    """What `redtrack train WORDS` is refused with."""
    refused = CliRunner().invoke(train, [str(w) for w in words]).exception
    assert isinstance(refused, RedtrackError), refused
    return refused
