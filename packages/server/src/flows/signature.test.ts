import { createHmac, randomBytes } from "node:crypto";
import { openBus, sql } from "@towermill/store";
import { testDatabase, whenDone } from "@towermill/testkit";
import { openVault } from "@towermill/vault";
import { expect, test } from "vitest";
import { isSignatureOf, signatureOf } from "./signature.ts";

const { db, url } = await testDatabase();
const bus = await openBus({ url });
whenDone(() => bus.close());
await db.execute(
  sql`insert into workspace (id, name, owner) values ('w', 'W', 'a@example.com'), ('v', 'V', 'a@example.com')`,
);
const vault = openVault({ db, bus, instanceKey: randomBytes(32) });

const signed = { workspace: "w", job: "0192aaaa-bbbb-7ccc-8ddd-eeeeffff0001", resumeId: 4_294_967_295, approver: null };

test("a signature is over the job's bytes, the number as 32 bits big-endian and the approver's name", async () => {
  const bytes = Buffer.from("0192aaaabbbb7ccc8dddeeeeffff0001ffffffff", "hex");
  const key = await vault.key("w");
  expect(await signatureOf(vault, signed)).toBe(createHmac("sha256", key).update(bytes).digest("hex"));
  const named = Buffer.concat([bytes, Buffer.from("Zoë")]);
  expect(await signatureOf(vault, { ...signed, approver: "Zoë" })).toBe(
    createHmac("sha256", key).update(named).digest("hex"),
  );
});

test("it is good for nothing but what it was made for, and nonsense is no signature", async () => {
  const signature = await signatureOf(vault, signed);
  expect(await isSignatureOf(vault, signed, signature)).toBe(true);
  expect(await isSignatureOf(vault, signed, signature.toUpperCase())).toBe(true);
  const others = [
    { ...signed, workspace: "v" },
    { ...signed, job: "0192aaaa-bbbb-7ccc-8ddd-eeeeffff0002" },
    { ...signed, resumeId: 0 },
    { ...signed, approver: "x" },
  ];
  for (const other of others) expect(await isSignatureOf(vault, other, signature)).toBe(false);
  for (const text of ["", "zz", `${signature}00`, signature.slice(2), "💥"]) {
    expect(await isSignatureOf(vault, signed, text)).toBe(false);
  }
});
