import type { Link } from "../result.ts";

/** Where the whole result of a job is. */
export function resultLink(workspace: string, id: string): Link {
  return { uri: `wm://${workspace}/jobs/${id}/result`, name: `result of job ${id}`, mimeType: "application/json" };
}
