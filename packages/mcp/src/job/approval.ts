import type { Host } from "../host.ts";
import type { WorkspaceSession } from "../session.ts";
import { askJob } from "./access.ts";

type Schema = Record<string, unknown>;

/** What a suspended flow asks the person who looks at it. */
export interface Approval {
  /** Another one for each step that waits, and after each answer. */
  key: string;
  message: string;
  /** JSON Schema of the answer: `approve`, and the fields of the step's form that a question can hold. */
  form: Schema;
  mayAnswer: boolean;
}

interface Info {
  form_schema?: unknown;
  description?: unknown;
  can_approve: boolean;
  step_summary?: string;
  flow_summary?: string;
  approvers: unknown[];
}

const plainTypes = new Set(["string", "number", "integer", "boolean"]);
const shownKeys = ["type", "title", "description", "default", "enum", "minimum", "maximum", "minLength", "maxLength"];

function isObject(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Questions hold flat fields of plain types only; a form's other fields keep their defaults. */
function formOf(schema: unknown): Schema {
  const fields = isObject(schema) && isObject(schema["properties"]) ? schema["properties"] : {};
  const plain = Object.entries(fields).filter(([, field]) => isObject(field) && plainTypes.has(String(field["type"])));
  const shown = plain.map(([name, field]): [string, Schema] => [
    name,
    Object.fromEntries(
      shownKeys.flatMap((key) => ((field as Schema)[key] == null ? [] : [[key, (field as Schema)[key]]])),
    ),
  ]);
  const required = isObject(schema) && Array.isArray(schema["required"]) ? schema["required"] : [];
  return {
    type: "object",
    properties: { approve: { type: "boolean", title: "Approve" }, ...Object.fromEntries(shown) },
    required: ["approve", ...required.filter((name) => shown.some(([known]) => known === name))],
  };
}

/** What a flow waits for; `null` when it waits for nobody. @param step which step of it waits, as its status says */
export async function approvalOf(
  host: Host,
  session: WorkspaceSession,
  { id, step }: { id: string; step: number },
): Promise<Approval | null> {
  const response = await askJob(host, session, { operation: "getApprovalInfo", id });
  if (!response.ok) return null;
  const { form_schema, description, can_approve, step_summary, flow_summary, approvers } =
    (await response.json()) as Info;
  const what = [flow_summary, step_summary].filter(Boolean).join(", ");
  const said = typeof description === "string" && description !== "" ? ` ${description}` : "";
  return {
    key: `approval-${step}-${approvers.length}`,
    message: `A flow waits for an approval${what === "" ? "" : `: ${what}`}.${said}`,
    form: formOf(form_schema),
    mayAnswer: can_approve,
  };
}

/** Hands in an answer to the question as `elicitation/create` answers it. Closing the question answers nothing. */
export async function answerApproval(
  host: Host,
  session: WorkspaceSession,
  { id, answer }: { id: string; answer: unknown },
): Promise<void> {
  if (!isObject(answer)) return;
  const { approve, ...payload } = isObject(answer["content"]) ? answer["content"] : {};
  const approved = answer["action"] === "accept" && approve === true;
  if (answer["action"] !== "accept" && answer["action"] !== "decline") return;
  await askJob(host, session, { operation: "resumeSuspended", id, bodyText: JSON.stringify({ approved, payload }) });
}
