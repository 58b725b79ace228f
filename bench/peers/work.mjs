/** What a step of every engine computes. */
export const work = (n) => (n < 2 ? n : work(n - 1) + work(n - 2));
