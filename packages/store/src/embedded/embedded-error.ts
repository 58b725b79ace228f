/** The embedded PostgreSQL cannot start; the message is one sentence for the person who started the program. */
export class EmbeddedError extends Error {
  override readonly name: string = "EmbeddedError";
}

/** Another living process uses this data folder. */
export class DataFolderBusy extends EmbeddedError {
  override readonly name = "DataFolderBusy";
}

const causes: Record<string, string> = {
  EACCES: "this user may not write there",
  EPERM: "the system does not permit it",
  EROFS: "that file system is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  ENOTDIR: "a part of that path is a file",
  EEXIST: "a file is in the way",
};

/** Turns a system error about a folder into a sentence with the remedy; any other error is passed on as it is. */
export function explainFolder(folder: string, error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  const cause = causes[String(error.code)];
  if (cause === undefined) return error;
  return new EmbeddedError(
    `cannot keep the database in ${folder}: ${cause}; free or permit that folder, or choose another data folder`,
    { cause: error },
  );
}
