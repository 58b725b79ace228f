import { DataFolderBusy, EmbeddedError, isConnectionLoss, MigrationError } from "@towermill/store";
import { SettingError, type Settings } from "./setting.ts";

/** Exit codes of the program, one per kind of refusal, so that scripts can tell them apart. */
export const exitCodes = { usage: 2, folderBusy: 3, portTaken: 4, database: 5, migration: 6, bug: 70 } as const;

function hasCode(error: unknown, code: string): boolean {
  return typeof error === "object" && error !== null && "code" in error && error.code === code;
}

/** What the operator is told about a failed start: one clear sentence, and the exit code. */
export function explainFailure(error: unknown, settings: Settings | undefined): { sentence: string; exitCode: number } {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof SettingError) return { sentence: message, exitCode: exitCodes.usage };
  if (error instanceof DataFolderBusy) return { sentence: message, exitCode: exitCodes.folderBusy };
  if (error instanceof EmbeddedError) return { sentence: message, exitCode: exitCodes.database };
  if (error instanceof MigrationError) return { sentence: message, exitCode: exitCodes.migration };
  if (hasCode(error, "EADDRINUSE")) {
    const sentence = `port ${settings?.PORT ?? ""} is taken by another program: stop it, or choose another with PORT or --port`;
    return { sentence, exitCode: exitCodes.portTaken };
  }
  if (hasCode(error, "EACCES") && message.includes("listen")) {
    return {
      sentence: `this user may not listen on port ${settings?.PORT ?? ""}: choose one above 1023`,
      exitCode: exitCodes.portTaken,
    };
  }
  if (isConnectionLoss(error) || hasCode(error, "28P01") || hasCode(error, "3D000")) {
    return { sentence: `the database of DATABASE_URL cannot be used: ${message}`, exitCode: exitCodes.database };
  }
  return { sentence: error instanceof Error ? (error.stack ?? message) : message, exitCode: exitCodes.bug };
}
