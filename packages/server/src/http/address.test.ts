import { expect, test } from "vitest";
import { addressGroup, clientAddress } from "./address.ts";

const from = (remoteAddress: string) => ({ socket: { remoteAddress } as never });
const request = (forwarded?: string) =>
  new Request("http://x/", forwarded === undefined ? {} : { headers: { "x-forwarded-for": forwarded } });

test("a request comes from its socket's address, whatever its headers say", () => {
  expect(clientAddress(request("6.6.6.6"), from("203.0.113.9"), 0)).toBe("203.0.113.9");
  expect(clientAddress(request(), from("::ffff:203.0.113.9"), 0)).toBe("203.0.113.9");
  expect(clientAddress(request(), undefined, 0)).toBe(null);
});

test("behind trusted proxies it comes from what the outermost of them saw, not from what the caller wrote", () => {
  const spoofed = "6.6.6.6, 203.0.113.9, 10.0.0.2";
  expect(clientAddress(request(spoofed), from("10.0.0.3"), 1)).toBe("10.0.0.2");
  expect(clientAddress(request(spoofed), from("10.0.0.3"), 2)).toBe("203.0.113.9");
  expect(clientAddress(request("2001:db8::1"), from("10.0.0.3"), 1)).toBe("2001:db8::1");
  for (const none of [undefined, "", "unknown", "203.0.113.9:443"])
    expect(clientAddress(request(none), from("10.0.0.3"), 1)).toBe(null);
});

test("IPv6 addresses count by their /64, those of this machine not at all", () => {
  expect(addressGroup("203.0.113.9")).toBe("203.0.113.9");
  for (const same of ["2001:db8:0:1::1", "2001:0db8:0000:0001:ffff:1:2:3", "2001:db8:0:1:2:3:4:5%eth0"])
    expect(addressGroup(same)).toBe("2001:db8:0:1::/64");
  expect(addressGroup("2001:db8::1:0:0:1")).toBe("2001:db8:0:0::/64");
  for (const own of ["127.0.0.1", "127.9.9.9", "::1", null]) expect(addressGroup(own)).toBe(null);
});
