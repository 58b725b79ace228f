import { describe, expect, test } from "vitest";
import { allowed, folderAccess, type Acl, type Member } from "./permission.ts";

const alice: Member = {
  workspace: "w",
  email: "alice@example.com",
  username: "alice",
  isAdmin: false,
  isOperator: false,
  groups: ["all", "data"],
  foldersRead: ["shared", "open"],
  foldersWrite: ["shared"],
  foldersOwned: [],
};
const operator: Member = { ...alice, isOperator: true };
const admin: Member = { ...alice, username: "root", isAdmin: true, groups: [], foldersRead: [], foldersWrite: [] };

describe("what a member may do at a path", () => {
  test.each<[string, Member, string, Acl, boolean, boolean]>([
    ["one's own", alice, "u/alice/x", {}, true, true],
    ["somebody else's", alice, "u/bob/x", {}, false, false],
    ["a name that only begins like one's own", alice, "u/alice2/x", {}, false, false],
    ["a folder one may write", alice, "f/shared/x", {}, true, true],
    ["a folder one may read", alice, "f/open/x", {}, true, false],
    ["a folder one is not in", alice, "f/secret/x", {}, false, false],
    ["a group one is in", alice, "g/data/x", {}, true, true],
    ["a group one is not in", alice, "g/ops/x", {}, false, false],
    ["what is shared for reading", alice, "u/bob/x", { "u/alice": false }, true, false],
    ["what is shared for writing", alice, "u/bob/x", { "u/alice": true }, true, true],
    ["what is shared with a group", alice, "f/secret/x", { "g/data": true }, true, true],
    ["what is shared with somebody else", alice, "u/bob/x", { "u/carol": true }, false, false],
    ["anything, as admin", admin, "u/bob/x", {}, true, true],
    ["one's own, as operator", operator, "u/alice/x", {}, true, false],
    ["what is shared for writing, as operator", operator, "u/bob/x", { "u/alice": true }, true, false],
    ["a path without an owner", alice, "x", {}, false, false],
    ["an empty path", alice, "", {}, false, false],
    ["what only a prototype grants", alice, "u/bob/x", Object.create({ "u/alice": true }) as Acl, false, false],
  ])("%s", (_, member, path, acl, read, write) => {
    expect([allowed(member, "read", path, acl), allowed(member, "write", path, acl)]).toEqual([read, write]);
  });
});

test("a folder gives its strongest: owner, then write, then read", () => {
  const who = ["u/alice", "g/data"];
  expect(folderAccess({ owners: ["g/data"], extra_perms: {} }, who)).toBe("owner");
  expect(folderAccess({ owners: [], extra_perms: { "u/alice": false, "g/data": true } }, who)).toBe("write");
  expect(folderAccess({ owners: [], extra_perms: { "u/alice": false } }, who)).toBe("read");
  expect(folderAccess({ owners: ["u/bob"], extra_perms: {} }, who)).toBeNull();
});
