export async function main() {
  return "told";
}
