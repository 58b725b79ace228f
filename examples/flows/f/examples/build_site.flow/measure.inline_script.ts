import { readFile } from "node:fs/promises";

export async function main() {
  return { html: await readFile("./shared/page.html", "utf8") };
}
