import type { Result, Router } from "hono/router";

/** Paths whose routes are remembered: most requests of a busy hour are for few of them. */
const mostPaths = 1000;
/** Longer ones are looked up each time. */
const longestPath = 300;

/** A router that looks up a path once: among some hundred routes that costs more than the rest of a small request. */
export class RememberingRouter<T> implements Router<T> {
  readonly name = "RememberingRouter";
  readonly #router: Router<T>;
  readonly #known = new Map<string, Result<T>>();

  constructor(router: Router<T>) {
    this.#router = router;
  }

  add(method: string, path: string, handler: T): void {
    this.#known.clear();
    this.#router.add(method, path, handler);
  }

  match(method: string, path: string): Result<T> {
    const key = `${method} ${path}`;
    const known = this.#known.get(key);
    if (known) return known;
    const found = this.#router.match(method, path);
    if (this.#known.size >= mostPaths) this.#known.clear();
    if (path.length <= longestPath) this.#known.set(key, found);
    return found;
  }
}
