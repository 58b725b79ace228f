export function main(rows: number[]) {
  return rows.length;
}
