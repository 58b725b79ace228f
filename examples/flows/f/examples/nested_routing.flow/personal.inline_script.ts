export function main(name: string, text: string) {
  return `Dear ${name}: ${text}`;
}
