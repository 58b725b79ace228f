import { describe, expect, test } from "vitest";
import { readPage, shippedPages } from "./page.ts";
import { indexDocs, wordsOf } from "./search.ts";

const pages = [
  readPage(
    "cats",
    "# Cats\n\nAbout cats.\n\n## Feeding\n\nFeed a cat twice a day.\n\n```bash\n# not a heading\nfeedCat --twice\n```\n\n## Sleeping\n\nThey sleep all day.",
  ),
  readPage(
    "dogs",
    "# Dogs\n\n| name | what |\n|---|---|\n| `walkDog` | Walks the dog |\n| `feedDog` | Feeds the dog |\n",
  ),
];

describe("the documentation", () => {
  test("falls apart at its headings, not inside code", () => {
    expect(pages[0]?.sections.map(({ anchor }) => anchor)).toEqual(["cats", "feeding", "sleeping"]);
  });

  test("is found by words in any form, headings first, tables by the row", () => {
    const index = indexDocs(pages);
    const found = (query: string): unknown[] =>
      index.search(query).map(({ page, section, snippets }) => [page.name, section.anchor, snippets.length]);
    expect(found("feeding cats")[0]).toEqual(["cats", "feeding", 2]);
    expect(found("sleeps")).toEqual([["cats", "sleeping", 1]]);
    expect(index.search("walk dogs")[0]?.snippets[0]).toBe("| `walkDog` | Walks the dog |");
    expect(found("zebra")).toEqual([]);
    expect(found("the of and")).toEqual([]);
  });

  test("treats the words of a name like any others", () => {
    expect(wordsOf("createSchedule schedules Scheduling scheduled")).toEqual([
      "creat",
      "schedul",
      "schedul",
      "schedul",
      "schedul",
    ]);
  });

  test("that is shipped answers what people ask", () => {
    const index = indexDocs(shippedPages().values());
    const best = (query: string): string => {
      const [hit] = index.search(query);
      return `${hit?.page.name ?? ""}#${hit?.section.anchor ?? ""}`;
    };
    expect(best("how do approvals work")).toBe("flows#approvals");
    expect(best("port of the server setting")).toBe("settings#settings");
    expect(best("how are jobs isolated from each other")).toMatch(/^isolation#/);
    expect(best("mcp token scope favorites")).toBe("mcp#what-a-token-may-do");
  });
});
