export function main(answers: { attempt: number; ready: boolean }[]) {
  return { asked: answers.length, ready: answers.at(-1)?.ready };
}
