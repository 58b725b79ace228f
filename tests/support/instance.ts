import { fileURLToPath } from "node:url";
import { startProcess, testDatabase, testFolder, type TestProcess } from "@towermill/testkit";

export const root: string = fileURLToPath(new URL("../..", import.meta.url));
const program = fileURLToPath(new URL("../../packages/towermill/dist/main.js", import.meta.url));

export const adminEmail = "admin@windmill.dev";
export const adminPassword = "correct horse battery staple";

export interface Instance {
  url: string;
  databaseUrl: string;
  dataFolder: string;
  process: TestProcess;
  /** Token of the first admin. */
  token: string;
  /** Calls the API; `path` is below `/api`. */
  call(
    method: string,
    path: string,
    options?: { body?: unknown; token?: string; headers?: Record<string, string>; signal?: AbortSignal },
  ): Promise<Response>;
  /** The same, answering the text of a successful response. */
  text(method: string, path: string, options?: { body?: unknown; token?: string }): Promise<string>;
  json<T>(method: string, path: string, options?: { body?: unknown; token?: string }): Promise<T>;
}

export interface InstanceOptions {
  env?: Record<string, string>;
  /** Use this database instead of one of its own. */
  databaseUrl?: string;
}

/** Starts the built product as a process of its own on a test database; it is stopped after the test file. */
export async function startInstance({ env = {}, databaseUrl }: InstanceOptions = {}): Promise<Instance> {
  const dataFolder = testFolder();
  const database = databaseUrl ?? (await testDatabase()).url;
  const process_ = await startProcess({
    command: [process.execPath, program],
    env: {
      PORT: "0",
      DATABASE_URL: database,
      TOWERMILL_DATA: dataFolder,
      TOWERMILL_ADMIN_PASSWORD: adminPassword,
      ...env,
    },
  });
  const [, url = ""] = await process_.until(/Towermill is ready\s+(http:\S+)/, 60_000);
  const login = await fetch(`${url}/api/auth/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: adminEmail, password: adminPassword }),
  });
  const token = await login.text();
  if (login.status !== 200) throw new Error(`login failed: ${login.status} ${token}`);
  const call: Instance["call"] = (method, path, options = {}) =>
    fetch(`${url}/api${path}`, {
      method,
      ...(options.signal ? { signal: options.signal } : {}),
      headers: {
        authorization: `Bearer ${options.token ?? token}`,
        "content-type": "application/json",
        ...options.headers,
      },
      ...(options.body === undefined
        ? {}
        : { body: typeof options.body === "string" ? options.body : JSON.stringify(options.body) }),
    });
  const text: Instance["text"] = async (method, path, options) => {
    const response = await call(method, path, options);
    const answer = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${answer}`);
    return answer;
  };
  return {
    url,
    databaseUrl: database,
    dataFolder,
    process: process_,
    token,
    call,
    text,
    json: async (method, path, options) => JSON.parse(await text(method, path, options)) as never,
  };
}
