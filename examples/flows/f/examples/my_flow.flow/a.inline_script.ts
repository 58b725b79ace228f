export async function main() { return 'Hello'; }
