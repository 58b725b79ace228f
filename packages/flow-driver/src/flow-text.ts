import { jsonElements, jsonMembers } from "@towermill/contract";
import type { FlowValue, InputTransform } from "@towermill/openflow";

/** Texts of static inputs that JavaScript's numbers cannot hold, by the transform as it was read. */
const exact = new WeakMap<object, string>();

/** Digits that may be more than a double has, and exponents. Anything else comes out of JSON.parse as it went in. */
const mayBeInexact = /[\d.]{16}|\d[eE][-+]?\d/;

/** Reads a flow's value. Static inputs keep the text they were written in, see {@link staticText}. */
export function parseFlow(text: string): FlowValue {
  const value = JSON.parse(text) as FlowValue;
  if (mayBeInexact.test(text)) keepStatics(text, value);
  return value;
}

/** The value of a static input as JSON text: numbers beyond 2^53 and long fractions as they were written. */
export function staticText(transform: Extract<InputTransform, { type: "static" }>): string {
  return exact.get(transform) ?? JSON.stringify(transform.value ?? null);
}

function keepStatics(text: string, value: unknown): void {
  if (Array.isArray(value)) {
    for (const [index, element] of jsonElements(text).entries()) keepStatics(element, value[index]);
  } else if (typeof value === "object" && value !== null && mayBeInexact.test(text)) {
    const members = jsonMembers(text);
    const given = members.get("value");
    if ("type" in value && value.type === "static" && given !== undefined) exact.set(value, given);
    else for (const [name, member] of members) keepStatics(member, (value as Record<string, unknown>)[name]);
  }
}
