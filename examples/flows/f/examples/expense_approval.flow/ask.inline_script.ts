/** What the approval page shows; a chat message or mail with the signed addresses would be sent here. */
export function main(amount: number, purpose: string) {
  return { description: `Somebody wants to spend ${amount} € on ${purpose}`, default_args: { comment: "" } };
}
