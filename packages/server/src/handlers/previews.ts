import { ApiError, jsonMembers, jsonObject, previewOperations, type BodyOf } from "@towermill/contract";
import type { NewJob } from "@towermill/queue";
import { jsonText, plainText } from "../http/answer.ts";
import { parseJson, parsePart, readBody } from "../http/body.ts";
import type { Call, Handlers } from "../http/call.ts";
import { headerOf } from "../http/socket.ts";
import { memberText } from "../http/verbatim.ts";
import { withHeaders } from "../jobs/arguments.ts";
import { identityJob, lockJob, previewJob, requireLanguage } from "../jobs/preview.ts";
import { resultAnswer } from "../jobs/result-answer.ts";
import type { Starter } from "../jobs/start.ts";
import type { Services } from "../services.ts";

type Operation = (typeof previewOperations)[number];
type PreviewOperation = Extract<
  Operation,
  { id: "runScriptPreview" | "runScriptPreviewAndWaitResult" | "runScriptPreviewInline" }
>;
type DynamicOperation = Extract<Operation, { id: "runDynamicSelect" }>;
type BundleOperation = Extract<Operation, { id: "runScriptPreviewBundle" }>;
const previewSchema = previewOperations[0].body;
type PreviewBody = BodyOf<PreviewOperation>;
type PreviewCall = Pick<Call<PreviewOperation>, "caller" | "member" | "query" | "request">;

/** The two text parts of a bundle preview. @throws ApiError naming the part */
async function readBundle(call: Call<BundleOperation>, limit: number): Promise<{ previewText: string; code: string }> {
  const type = headerOf(call.request, "content-type") ?? "";
  if (!type.startsWith("multipart/form-data"))
    throw new ApiError("bad_request", "The body must be multipart/form-data with the parts preview and file");
  const bytes = await readBody(call.request, limit);
  const form = await new Response(new Uint8Array(bytes), { headers: { "content-type": type } }).formData().catch(() => {
    throw new ApiError("bad_request", "The body is not valid multipart/form-data");
  });
  const text = async (name: string): Promise<string> => {
    const part = form.get(name);
    if (part === null) throw new ApiError("bad_request", `body.${name}: the part is missing`);
    return typeof part === "string" ? part : part.text();
  };
  return { previewText: await text("preview"), code: await text("file") };
}

/** The job that computes the choices of a form's field. @throws ApiError */
async function choicesJob(starter: Starter, call: Call<DynamicOperation>): Promise<NewJob> {
  const { caller, member, body, bodyText } = call;
  const { runnable_ref: runnable, entrypoint_function: entrypoint } = body;
  const sent = memberText(bodyText, "args");
  const members = jsonMembers(sent === undefined || sent === "null" ? "{}" : sent);
  const args = jsonObject(members.set("_ENTRYPOINT_OVERRIDE", JSON.stringify(entrypoint)));
  if (runnable.source === "deployed") {
    if (runnable.runnable_kind === "flow") {
      throw new ApiError("bad_request", "body.runnable_ref.runnable_kind: send the code of a flow's choices inline");
    }
    return starter.script(call, { path: runnable.path }, { sent: { args }, options: { skip_preprocessor: true } });
  }
  if (member.isOperator && !member.isAdmin) {
    throw new ApiError(
      "forbidden",
      `runDynamicSelect: running code requires the role developer in ${member.workspace}`,
    );
  }
  const preview = { content: runnable.code, language: runnable.language ?? "bun", args } as const;
  return previewJob(preview, { who: { caller, member }, options: {}, rules: await starter.tagRules() });
}

/** Code that is not deployed: previews and dependency locks. */
export function previewsHandlers(
  services: Services,
  { starter }: { starter: Starter },
): Handlers<typeof previewOperations> {
  const jobOf = async (call: PreviewCall, body: PreviewBody, bodyText: string): Promise<NewJob> => {
    const sent = memberText(bodyText, "args");
    const args = withHeaders(
      sent === undefined || sent === "null" ? "{}" : sent,
      call.request,
      call.query.include_header,
    );
    if (body.kind === "http")
      throw new ApiError("bad_request", "body.kind: previews of the kind http are not supported");
    if (body.content === undefined && body.script_hash) {
      return starter.script(call, { hash: body.script_hash }, { sent: { args }, options: call.query });
    }
    const context = {
      who: { caller: call.caller, member: call.member },
      options: call.query,
      rules: await starter.tagRules(),
    };
    if (body.kind === "identity") return identityJob(args, context);
    if (body.content === undefined) throw new ApiError("bad_request", "body.content: is required to run code");
    return previewJob({ ...body, content: body.content, language: requireLanguage(body.language), args }, context);
  };
  const wait = async (call: Call<PreviewOperation>): Promise<Response> =>
    resultAnswer(await starter.startAndWait(await jobOf(call, call.body, call.bodyText), call.signal));
  type LockOperation = Extract<Operation, { id: `runRaw${string}` }>;
  const lockJobOf = async (call: Call<LockOperation>): Promise<NewJob> =>
    lockJob(call.body, { who: { caller: call.caller, member: call.member }, rules: await starter.tagRules() });
  const started = async (job: NewJob): Promise<Response> => {
    await starter.start(job);
    return plainText(job.id, 201);
  };
  return {
    runScriptPreview: async (call) => started(await jobOf(call, call.body, call.bodyText)),
    runScriptPreviewAndWaitResult: wait,
    runScriptPreviewInline: wait,
    async runScriptPreviewBundle(call) {
      const { previewText, code } = await readBundle(call, services.bodyLimit);
      const preview = parseJson(previewText);
      if (typeof preview !== "object" || preview === null || Array.isArray(preview)) {
        throw new ApiError("bad_request", "body.preview: expected a JSON object");
      }
      if ("kind" in preview && preview.kind === "tarbundle") {
        throw new ApiError(
          "bad_request",
          "body.preview.kind: bundles of several files are not supported, bundle into one",
        );
      }
      const body = parsePart(previewSchema, { ...preview, kind: "code", content: code }, "body");
      return started(await jobOf(call, body, previewText));
    },
    runDynamicSelect: async (call) => started(await choicesJob(starter, call)),
    async runRawScriptDependencies(call) {
      const outcome = await starter.startAndWait(await lockJobOf(call), call.signal);
      return jsonText(outcome.result, outcome.status === "success" ? 201 : 422);
    },
    runRawScriptDependenciesAsync: async (call) => started(await lockJobOf(call)),
  };
}
