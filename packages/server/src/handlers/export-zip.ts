import { promisify } from "node:util";
import { crc32, deflateRaw } from "node:zlib";
import type { Entry } from "@towermill/workspace-files";

/**
 * A zip written as it is made (PKWARE APPNOTE 6.3): files only, because a directory entry sends the official CLI into
 * endless recursion; names in UTF-8; a zip64 directory when there are more than 65,535 files.
 */

const compress = promisify(deflateRaw);
const utf8Names = 0x0800;
const deflated = 8;
const stored = 0;
// 1980-01-01, the first day zip knows: equal workspaces give equal archives.
const day = 0x21;
const most16 = 0xffff;
const most32 = 0xffffffff;

interface Written {
  name: Buffer;
  method: number;
  crc: number;
  packed: number;
  size: number;
  offset: number;
}

/** The 26 bytes that a file's own header and its line in the directory share. */
function common({ name, method, crc, packed, size }: Written): Buffer {
  const head = Buffer.alloc(26);
  head.writeUInt16LE(20, 0);
  head.writeUInt16LE(utf8Names, 2);
  head.writeUInt16LE(method, 4);
  head.writeUInt16LE(day, 8);
  head.writeUInt32LE(crc, 10);
  head.writeUInt32LE(packed, 14);
  head.writeUInt32LE(size, 18);
  head.writeUInt16LE(name.length, 22);
  return head;
}

function fileHeader(file: Written): Buffer {
  return Buffer.concat([Buffer.from("PK\u0003\u0004", "latin1"), common(file), file.name]);
}

function directoryLine(file: Written): Buffer {
  const madeBy = Buffer.from([20, 0]);
  const tail = Buffer.alloc(14);
  tail.writeUInt32LE(file.offset, 10);
  return Buffer.concat([Buffer.from("PK\u0001\u0002", "latin1"), madeBy, common(file), tail, file.name]);
}

function end({ files, start, size }: { files: number; start: number; size: number }): Buffer {
  const last = Buffer.alloc(22);
  last.write("PK\u0005\u0006", "latin1");
  last.writeUInt16LE(Math.min(files, most16), 8);
  last.writeUInt16LE(Math.min(files, most16), 10);
  last.writeUInt32LE(size, 12);
  last.writeUInt32LE(start, 16);
  if (files < most16) return last;
  const record = Buffer.alloc(56);
  record.write("PK\u0006\u0006", "latin1");
  record.writeBigUInt64LE(44n, 4);
  record.writeUInt16LE(45, 12);
  record.writeUInt16LE(45, 14);
  record.writeBigUInt64LE(BigInt(files), 24);
  record.writeBigUInt64LE(BigInt(files), 32);
  record.writeBigUInt64LE(BigInt(size), 40);
  record.writeBigUInt64LE(BigInt(start), 48);
  const locator = Buffer.alloc(20);
  locator.write("PK\u0006\u0007", "latin1");
  locator.writeBigUInt64LE(BigInt(start + size), 8);
  locator.writeUInt32LE(1, 16);
  return Buffer.concat([record, locator, last]);
}

/** @throws RangeError when the archive would be larger than 4 GB */
export async function* zip(entries: AsyncIterable<Entry>): AsyncGenerator<Buffer> {
  const files: Written[] = [];
  let offset = 0;
  for await (const { name, content } of entries) {
    const plain = Buffer.from(content);
    const small = await compress(plain);
    const shrinks = small.length < plain.length;
    const data = shrinks ? small : plain;
    const file: Written = {
      name: Buffer.from(name),
      method: shrinks ? deflated : stored,
      crc: crc32(plain),
      packed: data.length,
      size: plain.length,
      offset,
    };
    files.push(file);
    const bytes = Buffer.concat([fileHeader(file), data]);
    offset += bytes.length;
    if (offset > most32) throw new RangeError("the workspace is larger than 4 GB, which this archive cannot hold");
    yield bytes;
  }
  const directory = Buffer.concat(files.map(directoryLine));
  yield directory;
  yield end({ files: files.length, start: offset, size: directory.length });
}
