import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { whenDone } from "./cleanup.ts";

/** Makes an empty temporary folder (real path, mode 0700) that is removed after the test, or after the test file. */
export function testFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "towermill-folder-")));
  whenDone(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }));
  return folder;
}
