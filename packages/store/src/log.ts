/** What the store needs of a logger; a pino logger fits as it is. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const ignore = (): void => undefined;

/** A logger that drops everything; the default wherever a `log` is optional. */
export const silentLog: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
