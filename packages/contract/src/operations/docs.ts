import { z } from "zod";
import { operation } from "../operation.ts";

const reading = {
  method: "GET",
  tag: "Documentation",
  access: "user",
  scope: { domain: "docs", action: "read" },
} as const;

const words = z.string().min(1).max(500);

export const docsOperations = [
  operation({
    ...reading,
    id: "searchDocs",
    path: "/docs/search",
    summary: "Sections of the product's documentation that fit a query, best first",
    query: z.object({ query: words }),
    answer: z.object({
      results: z.array(z.object({ title: z.string(), url: z.string(), snippets: z.array(z.string()) })),
    }),
    mcp: {
      instructions: "How the platform works: flows, schedules, permissions, settings, the API. Use a few key words.",
      readOnly: true,
    },
  }),
  operation({
    ...reading,
    id: "readDocsPage",
    path: "/docs/page",
    summary: "A page of the documentation, or one section of it",
    query: z.object({
      url: words.describe("As searchDocs answers it; what follows # is the section"),
      section: words.optional(),
    }),
    answer: z.object({ url: z.string(), title: z.string(), text: z.string(), sections: z.array(z.string()) }),
    mcp: { instructions: "Reads documentation found with searchDocs.", readOnly: true },
  }),
] as const;
