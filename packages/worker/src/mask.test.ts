import { expect, test } from "vitest";
import { createMask } from "./mask.ts";

function masked() {
  const out: string[] = [];
  const mask = createMask((text) => out.push(text));
  return { mask, text: () => out.join("") };
}

test("secrets are hidden in each form, split over writes or not, and short ones are left alone", async () => {
  const { mask, text } = masked();
  mask.add("hunter22/x");
  mask.add("abc");
  mask.write("a hunter");
  mask.write("22/x b ");
  mask.write(`${Buffer.from("hunter22/x").toString("base64")} ${encodeURIComponent("hunter22/x")} abc hunt`);
  await mask.end();
  expect(text()).toBe("a •••••• b •••••• •••••• abc hunt");
});

test("what is written while a secret is awaited comes out after it is known, in its order", async () => {
  const { mask, text } = masked();
  let known: (secrets: string[]) => void = () => undefined;
  mask.write("before ");
  mask.await(new Promise((resolve) => (known = resolve)));
  mask.await(Promise.reject(new Error("gone")));
  mask.write("it is hunter22 ");
  expect(text()).toBe("before ");
  const ended = mask.end();
  known(["hunter22"]);
  await ended;
  mask.write("and hunter22");
  await mask.end();
  expect(text()).toBe("before it is •••••• and ••••••");
});

test("errors are hidden in all their texts; without secrets they are the same object", () => {
  const { mask } = masked();
  const error = { name: "E", message: "with hunter22", extra: [{ hunter22: 1, n: 2 }] };
  expect(mask.hide(error)).toBe(error);
  mask.add("hunter22");
  expect(mask.hide(error)).toEqual({ name: "E", message: "with ••••••", extra: [{ "••••••": 1, n: 2 }] });
});
