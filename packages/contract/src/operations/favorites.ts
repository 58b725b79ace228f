import { z } from "zod";
import { operation } from "../operation.ts";
import { inWorkspace, storable } from "./item.ts";

const favorite = z.object({
  path: storable.min(1).max(255),
  favorite_kind: z.enum(["flow", "app", "script", "raw_app", "asset"]),
});
const write = { domain: "favorites", action: "write" } as const;

export const favoritesOperations = [
  operation({
    id: "star",
    method: "POST",
    path: "/w/{workspace}/favorites/star",
    tag: "Favorite",
    summary: "Add something to one's favourites",
    access: "member",
    scope: write,
    params: inWorkspace,
    body: favorite,
    answer: z.string(),
    media: "text",
  }),
  operation({
    id: "unstar",
    method: "POST",
    path: "/w/{workspace}/favorites/unstar",
    tag: "Favorite",
    summary: "Remove something from one's favourites",
    access: "member",
    scope: write,
    params: inWorkspace,
    body: favorite,
    answer: z.string(),
    media: "text",
  }),
] as const;
