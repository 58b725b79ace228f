export type { Database, Queryable, TransactionOptions } from "./database.ts";
export {
  errorCode,
  isConflict,
  isConnectionLoss,
  isDataError,
  isForeignKeyViolation,
  isUniqueViolation,
} from "./failure.ts";
export { silentLog } from "./log.ts";
export type { Log } from "./log.ts";
export { MigrationError, migrate, migrationStatus } from "./migrate.ts";
export type { MigrateOptions, MigrationStatus } from "./migrate.ts";
export { digestMigrations, readMigrations } from "./migration-file.ts";
export type { Migration } from "./migration-file.ts";
export { openPool } from "./pool.ts";
export type { PoolOptions } from "./pool.ts";
export { retrying } from "./retry.ts";
export type { Retry, RetryOptions } from "./retry.ts";
export { arrayText, sourceOf } from "./rows.ts";
export type { Column, Piece, Source } from "./rows.ts";
export { named, namedOnce, sql } from "./sql.ts";
export type { Sql } from "./sql.ts";
export type { JsonAs } from "./types.ts";
export { startEmbedded } from "./embedded/embedded.ts";
export type { EmbeddedOptions, EmbeddedPostgres } from "./embedded/embedded.ts";
export { DataFolderBusy, EmbeddedError } from "./embedded/embedded-error.ts";
export { acquireLease, leaseIsHeld, releaseLease, renewLease } from "./lease.ts";
export type { Lease, LeaseRequest } from "./lease.ts";
export { openBus } from "./notifications.ts";
export type { Bus, BusOptions } from "./notifications.ts";
export { createCache } from "./cache.ts";
export type { Cache, CacheOptions } from "./cache.ts";
