import type { Member } from "@towermill/contract";
import { openBus } from "@towermill/store";
import { testDatabase, whenDone } from "@towermill/testkit";
import { expect, test } from "vitest";
import { createCatalogue } from "./catalogue.ts";
import type { FoundRunnable } from "./runnable.ts";

test("a script is found while its workspace is read again and again", async () => {
  const { db, url } = await testDatabase();
  const bus = await openBus({ url });
  whenDone(() => bus.close());
  const script: FoundRunnable = {
    kind: "script",
    path: "u/alice/x",
    summary: "",
    description: "",
    schema: null,
    acl: {},
  };
  const catalogue = createCatalogue({ db, bus, sources: [async () => [{ ...script }]], taken: new Set() });
  whenDone(() => catalogue.close());
  const alice = { workspace: "w", username: "alice", isAdmin: false, groups: [], foldersRead: [] } as unknown as Member;
  const bob = { ...alice, username: "bob" };
  for (let turn = 0; turn < 200; turn += 1) {
    const looking = catalogue.find(alice, "s-u_alice_x");
    catalogue.forget("w");
    expect(await looking).toMatchObject({ path: "u/alice/x" });
    expect(await catalogue.find(bob, "s-u_alice_x")).toBe(null);
  }
});
