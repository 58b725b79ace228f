import { z } from "zod";
import { operation } from "../operation.ts";
import { flag, paging } from "../query.ts";
import { isScope } from "../scope.ts";
import { email, line, workspaceId } from "./identity-fields.ts";
import { listedToken } from "./listed-token.ts";

const instant = z.iso.datetime({ offset: true }).transform((text) => new Date(text));
const scopes = z.array(line(2000).refine(isScope, "is not a scope: see GET /tokens/list/scopes")).max(500);

const own = {
  tag: "User",
  access: "user",
  scope: { domain: "users", action: "write" },
  deniesJobTokens: true,
  answer: z.string(),
  media: "text",
} as const;

export const tokenOperations = [
  operation({
    ...own,
    id: "createToken",
    method: "POST",
    path: "/users/tokens/create",
    summary: "Create a token of one's own; a restricted token only makes tokens at most as wide as itself",
    body: z.object({
      label: line(200).nullish(),
      expiration: instant.nullish(),
      scopes: scopes.nullish(),
      workspace_id: workspaceId.nullish(),
      read_only: z.boolean().nullish(),
    }),
    status: 201,
  }),
  operation({
    ...own,
    id: "createTokenImpersonate",
    method: "POST",
    path: "/users/tokens/impersonate",
    summary: "Create a token that acts as another account",
    access: "superadmin",
    body: z.object({
      label: line(200).nullish(),
      expiration: instant.nullish(),
      impersonate_email: email,
      workspace_id: workspaceId.nullish(),
    }),
    status: 201,
  }),
  operation({
    ...own,
    id: "deleteToken",
    method: "DELETE",
    path: "/users/tokens/delete/{token_prefix}",
    summary: "Revoke a token of one's own",
  }),
  operation({
    ...own,
    id: "updateTokenScopes",
    method: "POST",
    path: "/users/tokens/update_scopes/{token_prefix}",
    summary: "Replace the scopes of a token of one's own",
    body: z.object({ scopes: scopes.nullish() }),
  }),
  operation({
    ...own,
    id: "updateTokenLabel",
    method: "POST",
    path: "/users/tokens/update_label/{token_prefix}",
    summary: "Rename a token of one's own",
    body: z.object({ label: line(200).nullish() }),
  }),
  operation({
    id: "listTokens",
    method: "GET",
    path: "/users/tokens/list",
    tag: "User",
    summary: "One's own tokens that still work",
    access: "user",
    scope: { domain: "users", action: "read" },
    deniesJobTokens: true,
    query: z.object({ ...paging, exclude_ephemeral: flag }),
    answer: z.array(listedToken),
  }),
  operation({
    id: "listAvailableScopes",
    method: "GET",
    path: "/tokens/list/scopes",
    tag: "Token",
    summary: "Every scope a token may have",
    access: "user",
    scope: { domain: "users", action: "read" },
    answer: z.array(
      z.object({
        name: z.string(),
        description: z.string().nullish(),
        scopes: z.array(
          z.object({
            value: z.string(),
            label: z.string(),
            description: z.string().nullish(),
            requires_resource_path: z.boolean(),
          }),
        ),
      }),
    ),
  }),
] as const;
