export function main(message: string, step_id: string) {
  return { gave_up: message, at: step_id };
}
