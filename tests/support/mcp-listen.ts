import { expect } from "vitest";

/** A stream of changes of the 2026 revision; acknowledged already. */
export async function listenForChanges(
  address: string,
  { token, signal }: { token: string; signal?: AbortSignal },
): Promise<ReadableStreamDefaultReader<string>> {
  const response = await fetch(address, {
    method: "POST",
    ...(signal && { signal }),
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "subscriptions/listen",
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "subscriptions/listen",
      params: {
        notifications: { toolsListChanged: true },
        _meta: {
          "io.modelcontextprotocol/protocolVersion": "2026-07-28",
          "io.modelcontextprotocol/clientCapabilities": {},
        },
      },
    }),
  });
  const reader = (response.body ?? expect.fail()).pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader.read()).value).toContain("acknowledged");
  return reader;
}
