import type { Answer, InputTransform, Need } from "@towermill/openflow";
import { jsonItems } from "./json-items.ts";
import type { Evaluator } from "@towermill/expression";
import { truthOf, valueOf, type Names } from "./expressions.ts";
import { staticText } from "./flow-text.ts";
import { holdsSecret } from "./sealed.ts";

/** An answer to `advance`, with the items of a loop where it was about those. */
export interface Answered {
  answer: Answer;
  /** JSON texts. */
  items?: string[];
}

/** Evaluates what `advance` has to know. What goes wrong is an answer, too. */
export async function answerNeed(evaluator: Evaluator, need: Need, names: Names): Promise<Answered> {
  try {
    return await evaluate(evaluator, need, names);
  } catch (error) {
    return { answer: { kind: "error", message: error instanceof Error ? error.message : String(error) } };
  }
}

/** The value of an input: JSON text. @throws Error with what is wrong with the expression */
export async function valueOfTransform(evaluator: Evaluator, transform: InputTransform, names: Names): Promise<string> {
  if (transform.type === "javascript") return valueOf(evaluator, transform.expr, names);
  return transform.type === "static" ? staticText(transform) : "null";
}

async function evaluate(evaluator: Evaluator, need: Need, names: Names): Promise<Answered> {
  switch (need.kind) {
    case "boolean":
      return { answer: { kind: "boolean", value: await truthOf(evaluator, need.expr, names) } };
    case "branch": {
      for (const [index, expr] of need.exprs.entries()) {
        if (await truthOf(evaluator, expr, names)) return { answer: { kind: "branch", value: index } };
      }
      return { answer: { kind: "branch", value: -1 } };
    }
    case "number":
      return { answer: { kind: "number", value: numberOf(await plainValueOf(evaluator, need.transform, names)) } };
    case "items":
      return itemsOf(await plainValueOf(evaluator, need.transform, names));
    case "strings":
      return { answer: stringsOf(await plainValueOf(evaluator, need.transform, names)) };
  }
}

/** A value that is stored or told as it is, which no secret may be. @throws Error */
async function plainValueOf(evaluator: Evaluator, transform: InputTransform, names: Names): Promise<string> {
  const text = await valueOfTransform(evaluator, transform, names);
  if (!holdsSecret(text, names.secrets)) return text;
  throw new Error(
    "the expression gives a secret, which would be stored readable here: read the secret in the step that needs it",
  );
}

function numberOf(text: string): number | null {
  const value: unknown = JSON.parse(text);
  if (value === null) return null;
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number === "number" && Number.isFinite(number)) return number;
  throw new Error(`expected a number, found ${text.slice(0, 100)}`);
}

function itemsOf(text: string): Answered {
  const items = jsonItems(text);
  if (items === null) return { answer: { kind: "not-items", found: text.slice(0, 100) } };
  return { answer: { kind: "items", length: items.length }, items };
}

function stringsOf(text: string): Answer {
  const value: unknown = JSON.parse(text);
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return { kind: "strings", value };
  throw new Error(`expected a list of names, found ${text.slice(0, 100)}`);
}
