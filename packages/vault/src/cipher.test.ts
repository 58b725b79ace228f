import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { CipherError, seal, unseal, unwrapKey, wrapKey } from "./cipher.ts";

describe("ciphertext", () => {
  test.each(["", "a", "exactly sixteen!", "x".repeat(1_000_000), "é🦜\u0000"])("round-trips text %#", (text) => {
    expect(unseal(seal(text, "key", "variable"), "key", "variable")).toBe(text);
  });

  test("is base64 of a multiple of 16 bytes, which is how the official CLI recognises it", () => {
    for (const length of [0, 1, 15, 16, 17, 1000]) {
      expect(Buffer.from(seal("x".repeat(length), "key", "variable"), "base64").length % 16).toBe(0);
    }
  });

  test("differs each time for the same text", () => {
    expect(seal("a", "key", "variable")).not.toBe(seal("a", "key", "variable"));
  });

  test("is refused under another key or purpose, when changed, and when it is none", () => {
    const text = seal("secret", "key", "variable");
    const bytes = Buffer.from(text, "base64");
    bytes.writeUInt8(bytes.readUInt8(20) ^ 1, 20);
    expect(() => unseal(text, "other", "variable")).toThrow(CipherError);
    expect(() => unseal(text, "key", "argument 1")).toThrow(CipherError);
    expect(() => unseal(bytes.toString("base64"), "key", "variable")).toThrow(CipherError);
    expect(() => unseal("plain text", "key", "variable")).toThrow(CipherError);
    expect(() => unseal("", "key", "variable")).toThrow(CipherError);
  });

  test("reads what Windmill's cipher wrote (the known answer of its library's documentation)", () => {
    expect(unseal("DS/2U8royDnJDiNY2ps3f6ZoTbpZo8ZtUGYLGEjwLDQ=", "magickey", "variable")).toBe("http://magiclen.org");
  });
});

test("a workspace key opens with the instance key it was wrapped with and no other", () => {
  const instanceKey = randomBytes(32);
  const wrapped = wrapKey("workspace key", instanceKey);
  expect(unwrapKey(wrapped, instanceKey)).toBe("workspace key");
  expect(() => unwrapKey(wrapped, randomBytes(32))).toThrow(CipherError);
});
