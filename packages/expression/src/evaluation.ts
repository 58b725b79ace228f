import type { QuickJSContext, QuickJSHandle } from "quickjs-emscripten-core";
import { openRoom, type Engine } from "./engine.ts";
import type { HelperRequest, Question, Reply } from "./message.ts";
import { LINES_BEFORE, programOf } from "./program.ts";

/**
 * Runs one expression in a context of its own.
 * @returns `tidy`: to be called once the reply is on its way; it removes what the expression left and makes the engine
 * ready for the next, and throws when it must not be used again
 * @throws when the engine broke so that there is no reply
 */
export function evaluateIn(engine: Engine, question: Question, softMs: number): { reply: Reply; tidy(): void } {
  engine.used++;
  const room = engine.room ?? openRoom(engine);
  engine.room = null;
  const { context, runtime } = room;
  room.deadlineMs = performance.now() + softMs;
  const told = replyTo(context, question);
  const isLate = told.type === "error" && performance.now() > room.deadlineMs;
  const reply = isLate ? { ...told, message: `The expression took longer than ${softMs} ms`, line: null } : told;
  const tidy = (): void => {
    context.dispose();
    runtime.dispose();
    engine.room = openRoom(engine);
  };
  return { reply, tidy };
}

function replyTo(context: QuickJSContext, question: Question): Reply {
  for (const [name, text] of [
    ["__inputs", question.inputs],
    ["__answers", question.answers],
  ] as const)
    context.newString(text).consume((handle) => context.setProp(context.global, name, handle));
  const started = context.evalCode(programOf(question.body, question.predicate), "expression.js");
  if (started.error) return errorOf(context, question, started.error);
  const promise = started.value;
  const jobs = context.runtime.executePendingJobs();
  if (jobs.error) {
    promise.dispose();
    return errorOf(context, question, jobs.error);
  }
  const state = context.getPromiseState(promise);
  promise.dispose();
  if (state.type === "rejected") return errorOf(context, question, state.error);
  const { id } = question;
  if (state.type === "pending")
    return {
      type: "error",
      id,
      message: "The expression waits for something that never comes",
      line: null,
      fatal: false,
    };
  const text = state.value.consume((handle) => context.getString(handle));
  const wanted = '{"requests":';
  if (text.startsWith(wanted)) {
    const { requests } = JSON.parse(text) as { requests: HelperRequest[] };
    return { type: "requests", id, requests };
  }
  return { type: "value", id, json: text.slice('{"value":'.length, -1) };
}

function errorOf(context: QuickJSContext, { id }: Question, handle: QuickJSHandle): Reply {
  const read = (name: string): string =>
    context
      .getProp(handle, name)
      .consume((value) => (context.typeof(value) === "string" ? context.getString(value) : ""));
  const isObject = context.typeof(handle) === "object";
  const name = isObject ? read("name") : "";
  const message = isObject ? read("message") : context.typeof(handle) === "string" ? context.getString(handle) : "";
  const place = /expression\.js:(\d+)/.exec(isObject ? read("stack") : "");
  handle.dispose();
  const line = place ? Math.max(1, Number(place[1]) - LINES_BEFORE) : null;
  const text = [name, message].filter((part) => part !== "").join(": ") || "The expression threw something";
  return { type: "error", id, message: text.slice(0, 4096), line, fatal: false };
}
