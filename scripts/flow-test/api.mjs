// The few calls that flow tests make.

/** @param {{ url: string, token: string, workspace: string }} server */
export function openApi({ url, token, workspace }) {
  const base = `${url.replace(/\/$/, "")}/api/w/${workspace}`;
  const call = async (method, path, body) => {
    const response = await fetch(`${base}/${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text() };
  };
  const must = async (method, path, body) => {
    const { status, text } = await call(method, path, body);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
    return text;
  };
  const read = async (path) => JSON.parse(await must("GET", path));
  return {
    call,
    read,
    start: (id, preview) => must("POST", `jobs/run/preview_flow?job_id=${id}`, preview),
    /** Answers what a caller gets who waits: the result, or that of the early-return step. */
    wait: (id, preview) => call("POST", `jobs/run_wait_result/preview_flow?job_id=${id}`, preview),
    job: (id) => read(`jobs_u/get/${id}?no_logs=true&no_code=true`),
    answer: (id, { payload, approved = true }) =>
      must("POST", `jobs_u/flow/resume_suspended/${id}`, { payload, approved }),
    deployedValue: async (path) => (await read(`flows/get/${path}`)).value,
    async deploy({ path, ...flow }) {
      const exists = await read(`flows/exists/${path}`);
      await must("POST", exists ? `flows/update/${path}` : "flows/create", { path, ...flow });
    },
  };
}
