import type { Page, Section } from "./page.ts";

/** A section that fits a query, with the passages that do. */
export interface Hit {
  page: Page;
  section: Section;
  snippets: string[];
}

interface Passage {
  page: Page;
  section: Section;
  text: string;
  counts: ReadonlyMap<string, number>;
  length: number;
}

/** Finds passages of pages by words. Built once; a search reads nothing. */
export interface DocsIndex {
  search(query: string, limit?: number): Hit[];
}

const noise = new Set(
  "a an and are as at be by can do does for from how i in is it its of on or that the this to what when which with you".split(
    " ",
  ),
);
/** A hit in a heading says more than one in the text below it. */
const headingWeight = 3;
/** Okapi BM25: how soon repetition stops to count, and how much length does. */
const [saturation, lengthShare] = [1.2, 0.5];
const mostSnippets = 3;
const snippetLength = 320;

/** `running` and `runs` are `run`; names of operations fall apart into their words. */
function stem(word: string): string {
  const short = word.replace(/(?:ies)$/, "y").replace(/(?:ing|ed|es|s)$/, "");
  return short.length >= 3 ? short.replace(/([bdgmnprt])\1$/, "$1").replace(/e$/, "") : word;
}

export function wordsOf(text: string): string[] {
  return text
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word.length > 1 && !noise.has(word))
    .map(stem);
}

/** Paragraphs, fenced blocks and rows of tables: what can be quoted on its own. */
function passagesOf(text: string): string[] {
  const blocks = text.match(/```[\s\S]*?```|(?:[^\n]|\n(?!\n))+/g) ?? [];
  return blocks
    .flatMap((block) =>
      block.trimStart().startsWith("|") ? block.split("\n").filter((row) => !/^\|[ |:-]+\|$/.test(row)) : [block],
    )
    .map((passage) => passage.trim())
    .filter((passage) => passage !== "" && !/^#+ [^\n]*$/.test(passage) && !passage.startsWith("<!--"));
}

function count(words: readonly string[], weight: number, into: Map<string, number>): void {
  for (const word of words) into.set(word, (into.get(word) ?? 0) + weight);
}

function passages(pages: Iterable<Page>): Passage[] {
  return [...pages].flatMap((page) =>
    page.sections.flatMap((section) => {
      const heading = wordsOf(`${page.title} ${section.heading}`);
      return passagesOf(section.text).map((text) => {
        const counts = new Map<string, number>();
        const words = wordsOf(text);
        count(words, 1, counts);
        count(heading, headingWeight, counts);
        return { page, section, text, counts, length: words.length };
      });
    }),
  );
}

function shorten(text: string): string {
  return text.length <= snippetLength ? text : `${text.slice(0, snippetLength - 1).trimEnd()}…`;
}

export function indexDocs(pages: Iterable<Page>): DocsIndex {
  const all = passages(pages);
  const usualLength = all.reduce((sum, passage) => sum + passage.length, 0) / Math.max(1, all.length);
  const holding = new Map<string, number>();
  for (const { counts } of all) count([...counts.keys()], 1, holding);
  const rarity = (word: string): number => {
    const known = holding.get(word) ?? 0;
    return Math.log(1 + (all.length - known + 0.5) / (known + 0.5));
  };
  const score = ({ counts, length }: Passage, wanted: ReadonlySet<string>): number => {
    let points = 0;
    for (const word of wanted) {
      const found = counts.get(word) ?? 0;
      const size = 1 - lengthShare + (lengthShare * length) / usualLength;
      if (found > 0) points += (rarity(word) * found * (saturation + 1)) / (found + saturation * size);
    }
    return points;
  };
  return {
    search(query, limit = 6) {
      const wanted = new Set(wordsOf(query));
      const ranked = all
        .map((passage) => ({ passage, points: score(passage, wanted) }))
        .filter((each) => each.points > 0);
      ranked.sort((a, b) => b.points - a.points);
      const hits = new Map<Section, Hit>();
      for (const { passage } of ranked) {
        const { page, section, text } = passage;
        const known = hits.get(section);
        if (known && known.snippets.length < mostSnippets) known.snippets.push(shorten(text));
        if (!known && hits.size < limit) hits.set(section, { page, section, snippets: [shorten(text)] });
      }
      return [...hits.values()];
    },
  };
}
