import { jsonMembers, jsonObject, jsonStrings } from "@towermill/contract";
import type { Vault } from "@towermill/vault";
import { rootOf } from "./place.ts";
import type { FlowJob } from "./run.ts";

/** What an expression made of a secret goes to the next job encrypted, as an argument that only jobs of its tree can read. */
const mark = '"$encrypted:';

/** Shorter secrets count only where they are the whole text: they are parts of ordinary words. */
const shortest = 6;

/** Whether a JSON text has one of the secrets in it. */
export function holdsSecret(json: string, secrets: ReadonlySet<string>): boolean {
  if (secrets.size === 0) return false;
  const isSecret = (text: string): boolean =>
    Array.from(secrets).some((secret) => (secret.length < shortest ? text === secret : text.includes(secret)));
  return jsonStrings(json, isSecret).length > 0;
}

/** An argument (JSON text), sealed when it holds one of the secrets. */
export async function seal(
  vault: Vault,
  job: FlowJob,
  { json, secrets }: { json: string; secrets: ReadonlySet<string> },
): Promise<string> {
  if (!holdsSecret(json, secrets)) return json;
  return JSON.stringify(await vault.encryptArgument({ workspace: job.workspace, rootJob: rootOf(job) }, json));
}

/** Arguments (a JSON object) as expressions see them: those that were sealed on the way here are open, and told as secret. */
export async function unseal(
  { vault, onSecret }: { vault: Vault; onSecret(secret: string): void },
  job: FlowJob,
  args: string,
): Promise<string> {
  if (!args.includes(mark)) return args;
  const scope = { workspace: job.workspace, rootJob: rootOf(job) };
  const members = await Promise.all(
    Array.from(jsonMembers(args), async ([name, json]): Promise<[string, string]> => {
      if (!json.startsWith(mark)) return [name, json];
      const ciphertext = (JSON.parse(json) as string).slice(mark.length - 1);
      const open = await vault.decryptArgument(scope, ciphertext).catch(() => null);
      for (const secret of open === null ? [] : jsonStrings(open, (text) => text !== "")) onSecret(secret);
      return [name, open ?? json];
    }),
  );
  return jsonObject(members);
}
