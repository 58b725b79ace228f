import pg from "pg";
import type { Connection } from "./connection.ts";

export interface Question {
  text: string;
  values: (string | null)[];
  /** Gets each row as it arrives, values in PostgreSQL's text form; what it throws ends the statement. */
  onRow: (row: (string | null)[], fields: pg.FieldDef[]) => void;
}

const asText = { getTypeParser: () => (text: string) => text };

/** Runs one statement without a name, which poolers allow, and without keeping rows. */
export function ask(connection: Connection, { text, values, onRow }: Question): Promise<void> {
  return new Promise((resolve, reject) => {
    let failure: unknown;
    const config = { text, values, rowMode: "array", queryMode: "extended", types: asText as pg.CustomTypesConfig };
    const query = new pg.Query<(string | null)[]>(config);
    query.on("row", (row, result) => {
      if (failure !== undefined) return;
      try {
        onRow(row as unknown as (string | null)[], result?.fields ?? []);
      } catch (error) {
        failure = error;
        connection.cancel();
      }
    });
    query.on("error", (error) => reject(failure ?? error));
    query.on("end", () => (failure === undefined ? resolve() : reject(failure)));
    connection.client.query(query);
  });
}
