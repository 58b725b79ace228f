import { ApiError, type docsOperations } from "@towermill/contract";
import { anchorOf, shippedPages, type Page, type Section } from "../docs/page.ts";
import { indexDocs, type DocsIndex } from "../docs/search.ts";
import type { Handlers } from "../http/call.ts";

function urlOf({ name }: Page, section?: Section): string {
  return `docs/${name}.md${section ? `#${section.anchor}` : ""}`;
}

function titleOf(page: Page, { heading }: Section): string {
  return heading === page.title ? page.title : `${page.title}: ${heading}`;
}

function sectionOf(page: Page, named: string): Section {
  const found = page.sections.find(({ anchor }) => anchor === anchorOf(named));
  if (found) return found;
  const known = page.sections.map(({ anchor }) => anchor).join(", ");
  throw new ApiError("not_found", `section: ${urlOf(page)} has no section ${named.slice(0, 100)}; it has: ${known}`);
}

/** The product's own documentation, searched in memory: nothing leaves the instance. Read when it is first asked for. */
export function docsHandlers(read: () => ReadonlyMap<string, Page> = shippedPages): Handlers<typeof docsOperations> {
  let known: { pages: ReadonlyMap<string, Page>; index: DocsIndex } | null = null;
  const shelf = () => {
    const pages = known?.pages ?? read();
    return (known ??= { pages, index: indexDocs(pages.values()) });
  };
  const pageOf = (url: string): Page => {
    const { pages } = shelf();
    const name = url.replace(/^.*\//, "").replace(/\.md$/, "");
    const page = pages.get(name);
    if (page) return page;
    const names = Array.from(pages.values(), (each) => urlOf(each)).join(", ");
    throw new ApiError("not_found", `url: there is no page ${url.slice(0, 100)}; there are: ${names}`);
  };
  return {
    async searchDocs({ query }) {
      const results = shelf()
        .index.search(query.query)
        .map(({ page, section, snippets }) => ({
          title: titleOf(page, section),
          url: urlOf(page, section),
          snippets,
        }));
      return { results };
    },
    async readDocsPage({ query }) {
      const [url = "", anchor] = query.url.split("#");
      const page = pageOf(url);
      const named = query.section ?? anchor;
      const sections = page.sections.map((section) => section.anchor);
      if (named === undefined) return { url: urlOf(page), title: page.title, text: page.text, sections };
      const section = sectionOf(page, named);
      return { url: urlOf(page, section), title: titleOf(page, section), text: section.text, sections };
    },
  };
}
