import { ApiError, isLanguage, type Language, type Member } from "@towermill/contract";
import type { NewJob } from "@towermill/queue";
import { baseJob, entrypointOf, tagFor, type RunOptions, type Runner, type TagRules } from "@towermill/runnable";
import type { Caller } from "../identity/caller.ts";
import { requesterOf } from "./requester.ts";

/** Code somebody sends to have it run as it is. */
export interface Preview {
  content: string;
  language: Language;
  path?: string | null | undefined;
  lock?: string | null | undefined;
  tag?: string | null | undefined;
  temp_script_refs?: Record<string, string> | null | undefined;
  modules?: Record<string, unknown> | null | undefined;
  /** JSON text of an object. */
  args: string;
}

interface Who {
  caller: Caller;
  member: Member;
}

function runnerOf({ caller, member }: Who): Runner {
  return { requester: requesterOf(caller), member };
}

export function previewJob(
  preview: Preview,
  { who, options, rules }: { who: Who; options: RunOptions; rules: TagRules },
): NewJob {
  const { language, args, temp_script_refs, modules } = preview;
  const path = preview.path || null;
  return {
    ...baseJob(runnerOf(who), options),
    kind: "preview",
    path,
    language,
    rawCode: preview.content,
    rawLock: preview.lock ?? null,
    tag: tagFor({ chosen: preview.tag, kind: "preview", language, path, args }, runnerOf(who), rules),
    args,
    entrypoint: entrypointOf(args),
    timeoutSeconds: options.timeout ?? null,
    visibleToOwner: options.invisible_to_owner !== true,
    options: {
      ...(temp_script_refs && Object.keys(temp_script_refs).length > 0 ? { temporaryScripts: temp_script_refs } : {}),
      ...(modules && Object.keys(modules).length > 0 ? { modules } : {}),
    },
  };
}

/** A job that only answers its arguments. */
export function identityJob(
  args: string,
  { who, options, rules }: { who: Who; options: RunOptions; rules: TagRules },
): NewJob {
  return {
    ...baseJob(runnerOf(who), options),
    kind: "identity",
    tag: tagFor({ chosen: null, kind: "identity", language: null, path: null, args }, runnerOf(who), rules),
    args,
  };
}

interface RawScript {
  raw_code: string;
  language: Language;
  path?: string | null | undefined;
  script_path?: string | null | undefined;
}

export interface LockRequest {
  raw_scripts: RawScript[];
  entrypoint: string;
  raw_workspace_dependencies?: Record<string, string> | null | undefined;
  temp_script_refs?: Record<string, string> | null | undefined;
}

/** The job that resolves the dependencies of a script that is not deployed; its result is `{lock}`. */
export function lockJob(request: LockRequest, { who, rules }: { who: Who; rules: TagRules }): NewJob {
  const [script] = request.raw_scripts;
  if (!script) throw new ApiError("bad_request", "body.raw_scripts: expected one script");
  const path = script.script_path || script.path || request.entrypoint || null;
  const { temp_script_refs: references, raw_workspace_dependencies: files } = request;
  return {
    ...baseJob(runnerOf(who), {}),
    kind: "dependencies",
    path,
    language: script.language,
    rawCode: script.raw_code,
    tag: tagFor(
      { chosen: null, kind: "dependencies", language: script.language, path, args: null },
      runnerOf(who),
      rules,
    ),
    args: null,
    options: {
      ...(references ? { temporaryScripts: references } : {}),
      ...(files ? { dependencyFiles: files } : {}),
    },
  };
}

/** @throws ApiError naming the field */
export function requireLanguage(language: string | null | undefined): Language {
  if (language && isLanguage(language)) return language;
  throw new ApiError(
    "bad_request",
    `body.language: ${language ? `${language} is not a language` : "is required to run code"}`,
  );
}
