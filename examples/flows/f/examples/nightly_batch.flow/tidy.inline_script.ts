export function main() {
  return { removed: 3 };
}
