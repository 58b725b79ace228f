"""Guest for Python and bash: stays warm and empty, and forks a process of its own for every job.

Messages come on descriptor 3 and answers leave on 4; the shapes are in pool/frames.ts. The child answers by itself, so
an answer costs one hop; this process only speaks for a child that ended without one.
"""
import gc
import json
import mmap
import os
import shutil
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import loading
import script
import shell

CONTROL, ANSWER = 3, 4


class Pipes:
    """answered is memory shared with the children: whether the job's answer has been written."""

    def __init__(self):
        os.set_inheritable(CONTROL, False)
        os.set_inheritable(ANSWER, False)
        self.pending = b""
        # the job that came last waits for its word
        self.held = False
        self.answered = mmap.mmap(-1, 1)

    def read_more(self):
        data = os.read(CONTROL, 1 << 20)
        if not data:
            os._exit(0)
        self.pending += data

    def receive(self):
        while b"\n" not in self.pending:
            self.read_more()
        line, _, self.pending = self.pending.partition(b"\n")
        header = json.loads(line)
        length = header["argsBytes"]
        parts, size = [self.pending], len(self.pending)
        while size < length:
            data = os.read(CONTROL, 1 << 20)
            if not data:
                os._exit(0)
            parts.append(data)
            size += len(data)
        self.held = header.get("held", False)
        whole = b"".join(parts)
        self.pending = whole[length:]
        return header, whole[:length].decode("utf-8", "surrogatepass")

    def may_go(self):
        """Waits for the word on a job that was sent ahead: it was written down, or never was."""
        if not self.held:
            return True
        self.held = False
        # one byte and no more: the next job may follow, and is not for a child
        word = self.pending[:1] or os.read(CONTROL, 1)
        if not word:
            os._exit(0)
        self.pending = self.pending[1:]
        return word == b"g"

    def send(self, header, payload=b""):
        self.answered[0:1] = b"1"
        header["bytes"] = len(payload)
        data = memoryview(json.dumps(header).encode() + b"\n" + payload)
        while data:
            data = data[os.write(ANSWER, data):]


def enter(job):
    try:
        os.chdir(job["cwd"])
    except OSError:
        os.makedirs(job["cwd"], 0o700, exist_ok=True)
        os.chdir(job["cwd"])


def run_script(pipes, job, args):
    """Forks a child that answers by itself; speaks for it when it could not."""
    pipes.answered[0:1] = b"0"
    prepared = loading.prepare(job)
    pid = os.fork()
    if pid == 0:
        be_child(pipes, job, args, prepared)
    if pipes.held:
        # the child takes the word; what of it came with the job is in its copy, too
        pipes.pending = pipes.pending[1:]
        pipes.held = False
    code, peak = wait_for(pid)
    # Before answering, as what is left running could still write to the job's log.
    end_leftovers()
    if pipes.answered[0:1] != b"1":
        pipes.send({"kind": "exited", "code": code, "peakKb": peak})


def be_child(pipes, job, args, prepared):
    code = 1
    try:
        os.environ.clear()
        os.environ.update(job["env"])
        if not pipes.may_go():
            pipes.answered[0:1] = b"1"
            os._exit(0)
        script.run(pipes, job, args, prepared)
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 0 if leaving.code is None else 1
        if code == 1 and not isinstance(leaving.code, int):
            print(leaving.code, file=sys.stderr)
    except BaseException as error:
        script.answer_failure(pipes, error, job)
    finally:
        script.flush()
        os._exit(code & 255)


def wait_for(pid):
    _, status, usage = os.wait4(pid, 0)
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
    return code, usage.ru_maxrss


def end_leftovers():
    """Ends what the job's process left running; orphans come to this process because it is their subreaper."""
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return
    for _ in range(100):
        try:
            with open("/proc/self/task/%d/children" % os.getpid()) as file:
                left = [int(pid) for pid in file.read().split()]
        except OSError:
            return
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        try:
            while True:
                os.waitpid(-1, 0)
        except ChildProcessError:
            return


def become_subreaper():
    try:
        import ctypes

        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        pass


def remove(path):
    try:
        os.rmdir(path)
    except OSError:
        shutil.rmtree(path, ignore_errors=True)
        if os.path.lexists(path):
            try:
                os.unlink(path)
            except OSError:
                pass


def empty(folder, kept=()):
    """Emptied rather than made anew: making a folder costs much more than finding one empty."""
    try:
        for name in os.listdir(folder):
            if name not in kept:
                remove(folder + "/" + name)
    except OSError:
        pass


def main():
    kept = set(os.listdir("/tmp")) if os.environ.get("TOWERMILL_OWN_TMP") == "1" else None
    become_subreaper()
    pipes = Pipes()
    gc.collect()
    gc.freeze()
    pipes.send({"kind": "ready"})
    while True:
        job, args = pipes.receive()
        try:
            enter(job)
            if not job["entry"].endswith(".sh"):
                run_script(pipes, job, args)
            elif pipes.may_go():
                shell.run(pipes, job, args)
                end_leftovers()
        except Exception as error:
            if pipes.may_go():
                script.answer_failure(pipes, error, job)
        os.chdir("/")
        empty(job["cwd"])
        if kept is not None:
            empty("/tmp", kept)


main()
