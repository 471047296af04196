"""Where a worker gets its children from: forked by a template, or new interpreters when that is not safe."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
from subprocess import _args_from_interpreter_flags  # type: ignore[attr-defined]  # as multiprocessing does

from database.errors import ExperimentsError
from experiments.isolation.channel import Channel, ChannelClosedError, Kind, Message
from experiments.isolation.child_process import ChildProcess
from experiments.isolation.fork_server import BOOTSTRAP, Exit, Load, be_template
from experiments.isolation.parent_pipe import Leash
from experiments.processes.forks import fork_quietly
from experiments.processes.subreaper import become_subreaper, end_descendants
from experiments.target.function import TargetError

logger = logging.getLogger(__name__)

#: So many templates in a row that die before they bear a child mean that none will any more.
MOST_BARREN_DEATHS = 5


class TemplatesCannotStartError(ExperimentsError):
    """The process that loads the target dies of it."""

    exit_code = 4


class TemplateProcess:
    """A template as its worker sees it.

    Parameters
    ----------
    pid : int
        A child of this process.
    channel : Channel
        To it.
    """

    def __init__(self, pid: int, channel: Channel) -> None:
        self.pid = pid
        self.channel = channel

    @classmethod
    def fork(cls, leash: Leash, unwanted: tuple[int, ...] = ()) -> TemplateProcess:
        """Fork one from this process, which must be clean: one thread, no database connection.

        Parameters
        ----------
        unwanted : tuple of int
            Descriptors that are the worker's alone.
        """
        channel, theirs = Channel.pair()
        pid = fork_quietly()
        if pid == 0:
            channel.close()
            leash.let_go()
            for descriptor in unwanted:
                os.close(descriptor)
            be_template(Channel(theirs), leash.descriptor)
        theirs.close()
        return cls(pid, channel)

    @classmethod
    def spawn(cls, leash: Leash) -> TemplateProcess:
        """Start one as a new interpreter."""
        channel, theirs = Channel.pair()
        request = {
            "search": [entry for entry in sys.path if isinstance(entry, str)],
            "channel": theirs.fileno(),
            "leash": leash.descriptor,
        }
        started = subprocess.Popen(
            [sys.executable, *_args_from_interpreter_flags(), "-P", "-c", BOOTSTRAP, json.dumps(request)],
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno(), leash.descriptor],
            start_new_session=True,
        )
        started.returncode = 0  # it is waited for here, not by the object
        theirs.close()
        return cls(started.pid, channel)

    def ask(self, kind: Kind, body: bytes = b"", descriptors: tuple[int, ...] = ()) -> Message:
        """Send a message and wait for the answer.

        Raises
        ------
        ChannelClosedError
            The process has died, or is about to.
        """
        self.channel.send(kind, body, descriptors)
        answer = self.channel.receive()
        assert answer is not None
        return answer

    def end(self) -> Exit:
        """Kill the process, unless it has died by itself, and reap it."""
        self.channel.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        return Exit.wait(self.pid)


class Nursery:
    """Bears children with the target loaded, each for one attempt, and reaps them.

    Parameters
    ----------
    leash : Leash
        Kills all of them when this process dies.
    load : Load
        What they are to have loaded.
    template : TemplateProcess or None
        One that was started before, when this process was still clean; owned from now on.
    """

    def __init__(self, leash: Leash, load: Load, template: TemplateProcess | None = None) -> None:
        self._leash = leash
        self._load = load
        self._template = template
        self._is_loaded = False
        self._must_spawn = False
        self._has_born = False
        become_subreaper()

    def prepare(self) -> None:
        """Have the target loaded, so that `bear` is quick.

        Raises
        ------
        TargetError
            It cannot be loaded.
        TemplatesCannotStartError
            Every process that tries to load it dies.
        """
        deaths = 0
        while not self._is_loaded:
            if self._template is None:
                self._template = TemplateProcess.spawn(self._leash)
            try:
                self._load_into(self._template)
            except ChannelClosedError as error:
                deaths += 1
                self._check_deaths(deaths, self._drop_template(), error)

    def bear(self) -> ChildProcess:
        """Return a new child, which waits for its job.

        Raises
        ------
        TargetError, TemplatesCannotStartError
            As `prepare`.
        """
        deaths = 0
        while True:
            self.prepare()
            try:
                child = self._become() if self._must_spawn else self._fork()
                self._has_born = True
                return child
            except ChannelClosedError as error:
                deaths += 1
                self._check_deaths(deaths, self._drop_template(), error)

    def reap(self, child: ChildProcess) -> Exit | None:
        """Kill what is left of a child and of all that it has started, and say how it ended.

        Returns
        -------
        Exit or None
            None when nobody can say: its template died with it.
        """
        if child.is_own:
            child.end()
            ended: Exit | None = Exit.wait(child.pid)
            end_descendants()
        else:
            ended = self._reap_forked(child)
        child.close()
        return ended

    def close(self) -> None:
        """End the template; the leash is the owner's."""
        if self._template is not None:
            self._drop_template()

    def _load_into(self, template: TemplateProcess) -> None:
        answer = template.ask(Kind.LOAD, self._load.encode())
        if answer.kind is Kind.FAILED:
            raise TargetError(answer.body.decode())
        self._is_loaded = True
        threads = int(answer.body)
        if threads and not self._must_spawn:
            self._must_spawn = True
            logger.warning(
                "importing %s starts %d thread(s), which forked processes would not have: each experiment "
                "gets a new interpreter, which imports it again",
                self._load.target,
                threads,
            )

    def _fork(self) -> ChildProcess:
        ours, theirs = Channel.pair()
        try:
            answer = self._loaded_template().ask(Kind.FORK, descriptors=(theirs.fileno(),))
        except ChannelClosedError:
            ours.close()
            raise
        finally:
            theirs.close()
        return ChildProcess(int(answer.body), ours, is_own=False)

    def _become(self) -> ChildProcess:
        """Make the template itself the child."""
        grown = self._loaded_template()
        self._template, self._is_loaded = None, False
        with contextlib.suppress(ChannelClosedError):  # it has died: that is seen when its job is sent
            grown.channel.send(Kind.BECOME)
        return ChildProcess(grown.pid, grown.channel, is_own=True)

    def _reap_forked(self, child: ChildProcess) -> Exit | None:
        try:
            return Exit(**json.loads(self._loaded_template().ask(Kind.REAP).body))
        except ChannelClosedError:
            pass
        # The template has died. Only when that is over, its child is this process's own, with all below.
        self._drop_template(reap_children=False)
        child.end()
        try:
            return Exit.wait(child.pid)
        except ChildProcessError:
            return None
        finally:
            end_descendants()

    def _loaded_template(self) -> TemplateProcess:
        assert self._template is not None
        return self._template

    def _drop_template(self, *, reap_children: bool = True) -> Exit:
        """End the template, if it has not died by itself; the next `prepare` starts another."""
        template = self._loaded_template()
        self._template, self._is_loaded = None, False
        ended = template.end()
        if reap_children:
            end_descendants()
        return ended

    def _check_deaths(self, deaths: int, last: Exit, cause: Exception) -> None:
        # Before the first child the worker gives up at once: its supervisor tries with another one.
        if self._has_born and deaths < MOST_BARREN_DEATHS:
            return
        many = "" if deaths == 1 else f" ({deaths} times in a row)"
        raise TemplatesCannotStartError(
            f"the process that imported {self._load.target} {_how(last)}{many}"
        ) from cause


def _how(ended: Exit) -> str:
    if ended.code < 0:
        return f"was killed by {signal.Signals(-ended.code).name}"
    return f"exited with code {ended.code}"
