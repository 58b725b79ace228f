import type { Entry } from "@towermill/workspace-files";

/** A POSIX tar (ustar with pax headers for names beyond 100 bytes), as it is made. */

const block = 512;

function octal(value: number, length: number): string {
  return `${value.toString(8).padStart(length - 1, "0")}\0`;
}

function header({ name, size, type }: { name: Buffer; size: number; type: "0" | "x" }): Buffer {
  const bytes = Buffer.alloc(block);
  name.copy(bytes, 0, 0, 100);
  bytes.write(octal(0o644, 8), 100, "latin1");
  bytes.write(octal(0, 8), 108, "latin1");
  bytes.write(octal(0, 8), 116, "latin1");
  bytes.write(octal(size, 12), 124, "latin1");
  bytes.write(octal(0, 12), 136, "latin1");
  bytes.write(" ".repeat(8), 148, "latin1");
  bytes.write(type, 156, "latin1");
  bytes.write(`ustar\u000000`, 257, "latin1");
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return bytes;
}

function file(name: Buffer, content: Buffer, type: "0" | "x"): Buffer {
  const padding = Buffer.alloc((block - (content.length % block)) % block);
  return Buffer.concat([header({ name, size: content.length, type }), content, padding]);
}

/** `<length> path=<name>\n`, the length counting its own digits. */
function paxPath(name: Buffer): Buffer {
  const rest = name.length + " path=\n".length;
  let length = rest + String(rest).length;
  if (String(length).length > String(rest).length) length = rest + String(length).length;
  return Buffer.concat([Buffer.from(`${length} path=`), name, Buffer.from("\n")]);
}

export async function* tar(entries: AsyncIterable<Entry>): AsyncGenerator<Buffer> {
  for await (const entry of entries) {
    const name = Buffer.from(entry.name);
    if (name.length > 100) yield file(Buffer.from("pax"), paxPath(name), "x");
    yield file(name, Buffer.from(entry.content), "0");
  }
  yield Buffer.alloc(block * 2);
}
