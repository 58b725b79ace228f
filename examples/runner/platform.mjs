// A platform of the example's own: the built product on a data folder and a port that nobody else has.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../packages/towermill/dist/main.js", import.meta.url));
const email = "admin@windmill.dev";

/** Starts it; answers its address, a token of its admin, and how to stop it. */
export async function startPlatform({ folder, memoryLimitMb }) {
  const password = randomBytes(12).toString("hex");
  const child = spawn(process.execPath, [program], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      PORT: "0",
      TOWERMILL_DATA: join(folder, "data"),
      TOWERMILL_ADMIN_EMAIL: email,
      TOWERMILL_ADMIN_PASSWORD: password,
      TOWERMILL_MEMORY_LIMIT_MB: String(memoryLimitMb),
    },
    stdio: ["ignore", "pipe", "pipe"],
    // Ctrl-C is for the example, which then stops this in order
    detached: true,
  });
  const ended = once(child, "exit");
  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
  };
  try {
    const url = await address(child, ended);
    return { url, token: await login(url, password), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function address(child, ended) {
  let output = "";
  const found = new Promise((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        output += text;
        const [, url] = /is ready\s+(http:\S+)/.exec(output) ?? [];
        if (url) resolve(url);
      });
    }
  });
  const url = await Promise.race([found, ended.then(() => undefined)]);
  if (url === undefined) throw new Error(`the platform did not start:\n${output}`);
  return url;
}

async function login(url, password) {
  const answer = await fetch(`${url}/api/auth/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email, password }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`login failed: ${answer.status} ${text}`);
  return text;
}
