"""Runs a Python script's function in the forked child and answers with JSON text."""
import base64
import datetime
import json
import os
import re  # Loaded for the forked children, which get it without paying for it; so are the next ones.
import resource
import sys
import time
import types
import typing

import loading
import results

HERE = os.path.dirname(os.path.abspath(__file__))


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass


def peak_kb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def answer_failure(pipes, error, job, started_at=None):
    flush()
    text = json.dumps(describe(error, job)).encode()
    header = {"kind": "failure", "peakKb": peak_kb()}
    if started_at:
        header["startedAt"] = started_at
    pipes.send(header, text)


def describe(error, job):
    """Windmill's shape: name, message, stack without frames of this guest, extra."""
    import traceback

    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith((HERE, "<frozen"))]
    stack = "Traceback (most recent call last):\n" + "".join(traceback.format_list(frames))
    described = {"name": type(error).__name__, "message": str(error), "stack": stack}
    if isinstance(error, SyntaxError):
        described["message"] = "%s (%s, line %s)" % (error.msg, os.path.basename(error.filename or ""), error.lineno)
    try:
        extra = dict(vars(error))
        if extra:
            described["extra"] = json.loads(results.to_json(extra))
    except Exception:
        pass
    step = job["env"].get("WM_FLOW_STEP_ID")
    if step:
        described["step_id"] = step
    return described


def convert(kind, value):
    if not isinstance(value, str):
        return value
    if kind == "bytes":
        return base64.b64decode(value)
    if kind == "datetime":
        return parse_datetime(value)
    if kind == "date":
        return parse_datetime(value).date()
    return value


def parse_datetime(text):
    try:
        return datetime.datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith(("Z", "z")) else text)
    except ValueError:
        pass
    for pattern in ("%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M", "%d-%m-%Y", "%Y/%m/%d", "%d/%m/%Y"):
        try:
            return datetime.datetime.strptime(text, pattern)
        except ValueError:
            continue
    raise ValueError("%r is not a date that can be read; use ISO 8601." % text)


def arguments(parameters, given):
    """Absent ones are left out; null for a parameter with a default lets the default apply."""
    chosen = {}
    for parameter in parameters:
        name = parameter["name"]
        if name not in given:
            continue
        value = given[name]
        if parameter["hasDefault"] and (value is None or value == "<function call>"):
            continue
        chosen[name] = convert(parameter["kind"], value)
    return chosen


def function_of(module, name):
    found = getattr(module, name, None)
    if callable(found):
        return found
    raise AttributeError("The script defines no function named '%s'." % name)


def call(function, keywords):
    value = function(**keywords)
    return run_async(value) if hasattr(value, "__await__") else value


def run_async(awaitable):
    import asyncio

    async def settle():
        return await awaitable

    return asyncio.run(settle())


def is_stream(value):
    return isinstance(value, types.AsyncGeneratorType) or (hasattr(value, "__next__") and hasattr(value, "__iter__"))


def stream(value):
    def write(part):
        text = part if isinstance(part, str) else results.to_json(part)
        print("WM_STREAM: " + text.replace("\n", "\\n"), flush=True)

    async def drain():
        async for part in value:
            write(part)

    if isinstance(value, types.AsyncGeneratorType):
        run_async(drain())
    else:
        for part in value:
            write(part)


def preprocess(module, given):
    """Calls preprocessor(event); what it returns is the arguments of main."""
    event = given["event"] if "event" in given else given
    made = call(function_of(module, "preprocessor"), {first_parameter(module.preprocessor): event})
    if not isinstance(made, dict):
        raise TypeError("preprocessor must return a dict with the arguments of main.")
    return results.to_json(made)


def first_parameter(function):
    code = getattr(function, "__code__", None)
    return code.co_varnames[0] if code is not None and code.co_argcount else "event"


def run(pipes, job, args, script):
    """script: what loading.prepare made of the entry in the parent."""
    started_at = None
    try:
        given = json.loads(args)
        module = loading.load(script)
        main = function_of(module, job["entrypoint"])
        started_at = time.time() * 1000
        preprocessed = b""
        if job["preprocess"]:
            text = preprocess(module, given)
            given, preprocessed = json.loads(text), text.encode()
        value = call(main, arguments(job["parameters"], given))
        if is_stream(value):
            stream(value)
            value = None
        payload = (json.dumps(value) if script.raw_result else results.to_json(value)).encode()
        if len(payload) > job["resultLimit"]:
            sizes = (len(payload) / 1048576, job["resultLimit"] / 1048576)
            raise ValueError("The result is %.1f MiB of JSON; the limit is %.1f MiB." % sizes)
    except SystemExit:
        raise
    except BaseException as error:
        answer_failure(pipes, error, job, started_at)
        return
    flush()
    header = {"kind": "success", "startedAt": started_at, "peakKb": peak_kb()}
    if preprocessed:
        header["preprocessedBytes"] = len(preprocessed)
    pipes.send(header, preprocessed + payload)
