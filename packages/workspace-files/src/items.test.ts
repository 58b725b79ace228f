import { expect, test } from "vitest";
import {
  appEntry,
  dependenciesEntry,
  encryptionKeyEntry,
  flowEntry,
  folderEntry,
  groupEntry,
  memberEntry,
  nativeTriggerEntry,
  resourceEntry,
  resourceTypeEntry,
  scheduleEntry,
  settingsEntry,
  triggerEntry,
  variableEntry,
  type Entry,
} from "./index.ts";

const path = "f/a/b";
const value = '{"2":1,"1":12345678901234567890}';
const none = { extra_perms: {}, labels: null };

function read({ content }: Entry): unknown {
  return JSON.parse(content);
}

test("flows, apps and resources carry their values as they were stored", () => {
  const flow = flowEntry({
    path,
    summary: "s",
    description: "",
    value,
    schema: null,
    options: { tag: "t", on_behalf_of: "u/a" },
  });
  expect(flow).toEqual({
    name: "f/a/b.flow.json",
    content: `{"summary":"s","description":"","tag":"t","value":${value}}`,
  });
  const app = appEntry({ path, ...none, summary: "s", value, policy: "{}", custom_path: null, raw_app: false });
  expect(app).toEqual({ name: "f/a/b.app.json", content: `{"summary":"s","value":${value},"policy":{}}` });
  expect(appEntry({ path, summary: "s", value, policy: "{}", custom_path: "c", raw_app: true }).name).toBe(
    "f/a/b.raw_app.json",
  );
  const resource = resourceEntry({ path, ...none, value, description: null, resource_type: "x" });
  expect(resource).toEqual({ name: "f/a/b.resource.json", content: `{"resource_type":"x","value":${value}}` });
});

test("permissions and labels are written when there are any", () => {
  const variable = { path, value: "v", is_secret: false, description: "" };
  expect(read(variableEntry({ ...variable, ...none }))).toEqual({ value: "v", is_secret: false, description: "" });
  expect(read(variableEntry({ ...variable, extra_perms: { "u/a": true }, labels: ["l"] }))).toMatchObject({
    extra_perms: { "u/a": true },
    labels: ["l"],
  });
});

test("schedules and triggers carry what was set and nothing of this instance", () => {
  const schedule = scheduleEntry({
    path,
    ...none,
    schedule: "0 0 * * * *",
    timezone: "UTC",
    enabled: true,
    script_path: "f/a/c",
    is_flow: false,
    cron_version: "v2",
    summary: null,
    description: null,
    paused_until: new Date(0),
    permissioned_as: "u/a",
    email: "a@example.com",
    args: '{"z":1,"a":2}',
    options: '{"tag":"t","retry":null}',
  });
  expect(schedule.name).toBe("f/a/b.schedule.json");
  expect(schedule.content).toContain('"args":{"z":1,"a":2},"tag":"t"}');
  expect(read(schedule)).not.toHaveProperty("retry");
  expect(read(schedule)).toMatchObject({ paused_until: "1970-01-01T00:00:00.000Z" });
  const base = { script_path: "f/a/c", is_flow: true };
  const trigger = triggerEntry({
    path,
    ...none,
    ...base,
    kind: "kafka",
    mode: "enabled",
    permissioned_as: "u/a",
    config: '{"topics":["t"],"x":null}',
  });
  expect([trigger.name, read(trigger)]).toEqual([
    "f/a/b.kafka_trigger.json",
    { ...base, mode: "enabled", permissioned_as: "u/a", topics: ["t"], x: null },
  ]);
  const native = nativeTriggerEntry({
    ...base,
    service_name: "google",
    external_id: "7",
    summary: null,
    service_config: "{}",
  });
  expect([native.name, read(native)]).toEqual([
    "f/a/c.flow.7.google_native_trigger.json",
    { ...base, service_config: {} },
  ]);
});

test("what a workspace is besides its items has its own files", () => {
  const folder = {
    name: "a",
    display_name: null,
    summary: "s",
    owners: ["u/a"],
    extra_perms: {},
    default_permissioned_as: null,
    labels: null,
  };
  expect(folderEntry(folder)).toEqual({
    name: "f/a/folder.meta.json",
    content: '{"summary":"s","owners":["u/a"],"extra_perms":{}}',
  });
  const member = { email: "a@example.com", username: "a", is_admin: false, operator: true, disabled: false };
  expect(memberEntry(member)).toEqual({
    name: "users/a@example.com.user.json",
    content: '{"username":"a","role":"operator","disabled":false}',
  });
  expect(read(memberEntry({ ...member, is_admin: true }))).toMatchObject({ role: "admin" });
  const group = { name: "g", summary: null, members: ["c", "b", "a"], extra_perms: { "u/b": true, "u/x": true } };
  expect(read(groupEntry(group))).toEqual({ members: ["u/a", "u/c"], admins: ["u/b"] });
  expect(read(settingsEntry("W", { webhook: "h", workspace_id: "w", environment_variables: {} }))).toEqual({
    name: "W",
    webhook: "h",
  });
  expect(encryptionKeyEntry("k")).toEqual({ name: "encryption_key.json", content: '"k"' });
  expect(dependenciesEntry({ language: "python3", name: "web", content: "x" })).toEqual({
    name: "dependencies/web.requirements.in",
    content: "x",
  });
  expect(dependenciesEntry({ language: "bun", name: "", content: "{}" })?.name).toBe("dependencies/package.json");
  expect(dependenciesEntry({ language: "bash", name: "", content: "" })).toBeNull();
  const type = {
    name: "t",
    schema: '{"b":1,"a":2}',
    description: null,
    display_name: null,
    format_extension: "md",
    is_fileset: false,
  };
  expect(resourceTypeEntry(type)).toEqual({
    name: "t.resource-type.json",
    content: '{"format_extension":"md","schema":{"b":1,"a":2}}',
  });
});
