import type { OperationSpec } from "../operation.ts";
import { settingsOperations } from "./settings.ts";

export { settingsOperations };

/** The whole API. A group is one file here and one handler file in the server. */
export const operations: readonly OperationSpec[] = [...settingsOperations];
