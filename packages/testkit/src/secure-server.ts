import type { RequestListener } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo, LookupFunction } from "node:net";
import { whenDone } from "./cleanup.ts";

/** A key that protects nothing, and its certificate for `client.example`, valid until 2126. */
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgPOIBTde8qhTnRTZw
a4oBAm+Bn0cRJaiKn9UvKskru4KhRANCAASaeJRi7tFFLspAzakynW+WAwAF8JtN
nq2qZFidwdZ/m/WeFYU6xudWALUB7yaWrNNP9OumIwTVk8qbyPs8RY2e
-----END PRIVATE KEY-----
`;
const certificate = `-----BEGIN CERTIFICATE-----
MIIBozCCAUqgAwIBAgIUf2cFhFVfLXrt5lHZa1yEvtMMRSQwCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwOY2xpZW50LmV4YW1wbGUwIBcNMjYxMTIwMTYwNzIxWhgPMjEy
NjEwMjcxNjA3MjFaMBkxFzAVBgNVBAMMDmNsaWVudC5leGFtcGxlMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEmniUYu7RRS7KQM2pMp1vlgMABfCbTZ6tqmRYncHW
f5v1nhWFOsbnVgC1Ae8mlqzTT/TrpiME1ZPKm8j7PEWNnqNuMGwwHQYDVR0OBBYE
FHhZSWMy43GHS87MbxD4vxqPgHYcMB8GA1UdIwQYMBaAFHhZSWMy43GHS87MbxD4
vxqPgHYcMA8GA1UdEwEB/wQFMAMBAf8wGQYDVR0RBBIwEIIOY2xpZW50LmV4YW1w
bGUwCgYIKoZIzj0EAwIDRwAwRAIgdQgqHgWkVYcBUmx91WS6JnuYJZjObgJNZbvn
XqEPJ4MCIGoaXRe5RPYW4i9cpPo/Si4OuBDLZMW46ZtffdQ0L4aL
-----END CERTIFICATE-----
`;

export interface SecureServer {
  /** `https://client.example:{port}` */
  url: string;
  /** What a client must trust. */
  ca: string;
  /** What a client must take for the resolver of names: every name is this machine. */
  lookup: LookupFunction;
}

/** An HTTPS server that is taken for one of the internet, until the test file ends. */
export async function secureServer(listener: RequestListener): Promise<SecureServer> {
  const server = createServer({ key, cert: certificate }, listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  whenDone(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `https://client.example:${(server.address() as AddressInfo).port}`,
    ca: certificate,
    lookup: (_, { all }, done) =>
      all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4),
  };
}
