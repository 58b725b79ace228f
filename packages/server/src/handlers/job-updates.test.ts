import { sql } from "@towermill/store";
import { afterEach, describe, expect, test } from "vitest";
import { listen } from "../server.ts";
import { jobsWorld } from "../../test/jobs-world.ts";

const world = await jobsWorld();
const { db, bus, call, said, json, run, work, addScript } = world;

await addScript({ path: "u/alice/a", hash: "a1" });

let endLast: (result: string) => void = () => undefined;

afterEach(async () => {
  endLast("null");
  world.services.streamLimitMs = 20_000;
  await world.clear();
});

type Event = Record<string, unknown>;

/** A running job under the test's control. */
async function running(): Promise<{ id: string; end(result: string): Promise<void> }> {
  const result = new Promise<string>((resolve) => (endLast = resolve));
  const end = endLast;
  const started = new Promise<string>((resolve) => {
    void work(async (job) => {
      resolve(job.id);
      return { status: "success", result: await result };
    });
  });
  await run("u/alice/a", { n: 1 });
  const id = await started;
  return {
    id,
    async end(text) {
      end(text);
      await work(null);
    },
  };
}

/** Reads an event stream one event at a time. */
async function stream(path: string) {
  const client = new AbortController();
  const response = await call(path, { signal: client.signal });
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  return {
    client,
    cancel: () => reader?.cancel(),
    async next(): Promise<Event | null> {
      while (!text.includes("\n\n")) {
        const read = await reader?.read();
        if (!read || read.done) return null;
        text += read.value;
      }
      const [event = "", ...rest] = text.split("\n\n");
      text = rest.join("\n\n");
      return JSON.parse(event.replace(/^data: /, "")) as Event;
    },
  };
}

describe("asking for updates", () => {
  test("gives what is new since the offsets, counted in UTF-16 units", async () => {
    const job = await running();
    await world.log(job.id, 0, "é😀\n");
    await world.log(job.id, 4, "two\n");
    expect(await json(`jobs_u/getupdate/${job.id}?running=false&log_offset=0`)).toMatchObject({
      running: true,
      completed: false,
      new_logs: "é😀\ntwo\n",
      log_offset: 8,
    });
    expect(await json(`jobs_u/getupdate/${job.id}?log_offset=4`)).toMatchObject({ new_logs: "two\n", log_offset: 8 });
    expect(await json(`jobs_u/getupdate/${job.id}?log_offset=2`)).toMatchObject({
      new_logs: "\ude00\ntwo\n",
      log_offset: 8,
    });
    expect(await json(`jobs_u/getupdate/${job.id}?log_offset=8`)).not.toHaveProperty("new_logs");
    expect(await json(`jobs_u/getupdate/${job.id}?log_offset=1000`)).not.toHaveProperty("new_logs");
    expect(await json(`jobs_u/getupdate/${job.id}?no_logs=true`)).not.toHaveProperty("new_logs");
    expect((await said(`jobs_u/getupdate/${job.id}?log_offset=-1`))[0]).toBe(400);
    await db.execute(sql`insert into job_live (id, stream) values (${job.id}, 'abc')`);
    expect(await json(`jobs_u/getupdate/${job.id}?stream_offset=1`)).toMatchObject({
      new_result_stream: "bc",
      stream_offset: 3,
    });
    await job.end("1");
    expect(await json(`jobs_u/getupdate/${job.id}?log_offset=8`)).toMatchObject({ completed: true, running: false });
  });

  test("progress only rises, below 100 until the end", async () => {
    const job = await running();
    expect(await json(`job_metrics/get_progress/${job.id}`)).toBeNull();
    expect((await said(`job_metrics/set_progress/${job.id}`, { body: { percent: 40 } }))[0]).toBe(200);
    await said(`job_metrics/set_progress/${job.id}`, { body: { percent: 20 } });
    expect(await json(`job_metrics/get_progress/${job.id}`)).toBe(40);
    expect(await json(`jobs_u/getupdate/${job.id}?get_progress=true`)).toMatchObject({ progress: 40 });
    expect(await said(`job_metrics/set_progress/${job.id}`, { body: { percent: "x" } })).toEqual([
      400,
      expect.stringContaining("body.percent"),
    ]);
    expect(await json(`job_metrics/get/${job.id}`, { body: {} })).toEqual({
      metrics_metadata: [],
      scalar_metrics: [],
      timeseries_metrics: [],
    });
    await job.end("1");
    expect(await json(`job_metrics/get_progress/${job.id}`)).toBe(100);
  });
});

describe("the event stream", () => {
  test("sends an update for each change and the whole job at the end", async () => {
    const job = await running();
    const events = await stream(`jobs_u/getupdate_sse/${job.id}?log_offset=0&get_progress=true&fast=true`);
    expect(await events.next()).toMatchObject({ type: "update", running: true, completed: false, log_offset: 0 });
    await world.log(job.id, 0, "one\n");
    expect(await events.next()).toMatchObject({ new_logs: "one\n", log_offset: 4 });
    await said(`job_metrics/set_progress/${job.id}`, { body: { percent: 5 } });
    expect(await events.next()).toMatchObject({ progress: 5 });
    await job.end('{"r":12345678901234567890}');
    expect(await events.next()).toMatchObject({
      completed: true,
      job: { type: "CompletedJob", success: true, args: { n: 1 } },
    });
    expect(await events.next()).toBeNull();
  });

  test("of an ended job is one event with its log and bare result when asked", async () => {
    const job = await running();
    await world.log(job.id, 0, "one\n");
    await job.end('{"r":12345678901234567890}');
    const text = await (await call(`jobs_u/getupdate_sse/${job.id}?only_result=true`)).text();
    expect(text).toMatch(
      /^data: \{"type":"update",.*"new_logs":"one\\n".*"only_result":\{"r":12345678901234567890\}\}\n\n$/,
    );
  });

  test("tells the client to come back when its time is over, and resumes by offsets", async () => {
    world.services.streamLimitMs = 50;
    const job = await running();
    await world.log(job.id, 0, "one\n");
    const events = await stream(`jobs_u/getupdate_sse/${job.id}?log_offset=0&fast=true`);
    expect(await events.next()).toMatchObject({ new_logs: "one\n", log_offset: 4 });
    expect(await events.next()).toEqual({ type: "timeout" });
    expect(await events.next()).toBeNull();
    const again = await stream(`jobs_u/getupdate_sse/${job.id}?log_offset=4&fast=true`);
    const update = await again.next();
    expect(update).toMatchObject({ log_offset: 4 });
    expect(update).not.toHaveProperty("new_logs");
    await again.cancel();
    await job.end("1");
  });

  test("ends when the client goes away or the job is deleted, and reads nothing more", async () => {
    const job = await running();
    const events = await stream(`jobs_u/getupdate_sse/${job.id}?fast=true`);
    await events.next();
    events.client.abort();
    await expect(events.next()).resolves.toBeNull();
    const other = await stream(`jobs_u/getupdate_sse/${job.id}?fast=true`);
    await other.next();
    await db.execute(sql`delete from job where id = ${job.id}`);
    bus.publish("live", [job.id]);
    expect(await other.next()).toEqual({ type: "not_found" });
    await job.end("1");
  });

  test("and a waiting call both notice a closed connection of a real client", async () => {
    const server = await listen(world.app.fetch, { host: "127.0.0.1", port: 0 });
    try {
      const job = await running();
      const client = new AbortController();
      const get = (path: string, init: RequestInit = {}): Promise<Response> =>
        fetch(`http://127.0.0.1:${server.port}/api/w/w/${path}`, {
          headers: { authorization: "Bearer alice", "content-type": "application/json" },
          signal: client.signal,
          ...init,
        });
      const response = await get(`jobs_u/getupdate_sse/${job.id}?fast=true`);
      const reader = response.body?.getReader();
      expect(new TextDecoder().decode((await reader?.read())?.value)).toContain('"running":true');
      const waiting = get("jobs/run_wait_result/p/u/alice/a", { method: "POST", body: "{}" }).catch(() => "gone");
      const find = (): Promise<{ id: string }[]> => db.query(sql`select id from job_queue where not running`);
      await expect.poll(find).toHaveLength(1);
      client.abort();
      expect(await waiting).toBe("gone");
      await expect
        .poll(() => db.query(sql`select from job_done where canceled_reason = 'http connection broke'`))
        .toHaveLength(1);
      await job.end("1");
    } finally {
      await server.close();
    }
  });
});
