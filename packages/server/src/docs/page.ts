import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** A part of a page under a heading of its own. */
export interface Section {
  heading: string;
  /** As in an address: lower case, `-` for spaces. */
  anchor: string;
  /** Markdown, the heading included. */
  text: string;
}

/** A page of the product's documentation. */
export interface Page {
  /** Name of its file without the ending. */
  name: string;
  title: string;
  text: string;
  sections: readonly Section[];
}

export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} -]/gu, "")
    .trim()
    .replaceAll(" ", "-");
}

/** Parts of a text by its headings; what is fenced as code holds none. */
function sectionsOf(text: string): Section[] {
  const sections: { heading: string; lines: string[] }[] = [];
  let isCode = false;
  for (const line of text.split("\n")) {
    if (line.startsWith("```")) isCode = !isCode;
    const heading = isCode ? undefined : /^#{1,4} +(.+)$/.exec(line)?.[1];
    if (heading !== undefined) sections.push({ heading, lines: [line] });
    else sections.at(-1)?.lines.push(line);
  }
  return sections.map(({ heading, lines }) => ({ heading, anchor: anchorOf(heading), text: lines.join("\n").trim() }));
}

export function readPage(name: string, text: string): Page {
  const sections = sectionsOf(text);
  return { name, title: sections[0]?.heading ?? name, text, sections };
}

/** Beside the built program, and in a checkout where it is written. */
const places = ["../pages/", "../../../../docs/"].map((place) => fileURLToPath(new URL(place, import.meta.url)));

/** The pages that came with this version, by name. */
export function shippedPages(): ReadonlyMap<string, Page> {
  const folder = places.find((place) => existsSync(place));
  const files = folder === undefined ? [] : readdirSync(folder).filter((file) => file.endsWith(".md"));
  return new Map(
    files.sort().map((file) => {
      const name = file.slice(0, -".md".length);
      return [name, readPage(name, readFileSync(join(folder ?? "", file), "utf8"))];
    }),
  );
}
