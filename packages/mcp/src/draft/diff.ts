/** A line that stays, goes or comes. */
interface Line {
  mark: " " | "-" | "+";
  text: string;
}

const context = 3;
/** Beyond this many comparisons the changed part is shown as replaced: two such texts have little in common anyway. */
const mostComparisons = 4_000_000;

function replaced(before: readonly string[], after: readonly string[]): Line[] {
  return [...before.map((text): Line => ({ mark: "-", text })), ...after.map((text): Line => ({ mark: "+", text }))];
}

/** The shortest way from one list of lines to another, by the longest common subsequence. */
function compare(before: readonly string[], after: readonly string[]): Line[] {
  if (before.length * after.length > mostComparisons) return replaced(before, after);
  const width = after.length + 1;
  const common = new Uint32Array((before.length + 1) * width);
  const at = (i: number, j: number): number => common[i * width + j] ?? 0;
  for (let i = before.length - 1; i >= 0; i -= 1)
    for (let j = after.length - 1; j >= 0; j -= 1)
      common[i * width + j] = before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < before.length && j < after.length) {
    const [one = "", other = ""] = [before[i], after[j]];
    if (one === other) {
      lines.push({ mark: " ", text: one });
      i += 1;
      j += 1;
    } else if (at(i + 1, j) >= at(i, j + 1)) {
      lines.push({ mark: "-", text: one });
      i += 1;
    } else {
      lines.push({ mark: "+", text: other });
      j += 1;
    }
  }
  return [...lines, ...replaced(before.slice(i), after.slice(j))];
}

function linesOf(before: string, after: string): Line[] {
  const [one, other] = [before === "" ? [] : before.split("\n"), after === "" ? [] : after.split("\n")];
  const most = Math.min(one.length, other.length);
  let head = 0;
  while (head < most && one[head] === other[head]) head += 1;
  let tail = 0;
  while (tail < most - head && one[one.length - 1 - tail] === other[other.length - 1 - tail]) tail += 1;
  const same = (text: string): Line => ({ mark: " ", text });
  return [
    ...one.slice(0, head).map(same),
    ...compare(one.slice(head, one.length - tail), other.slice(head, other.length - tail)),
    ...one.slice(one.length - tail).map(same),
  ];
}

/** Two texts as a unified diff with three lines around each change; `""` when they are the same. */
export function unifiedDiff(name: string, before: string, after: string): string {
  if (before === after) return "";
  const lines = linesOf(before, after);
  const near = lines.map((_, at) =>
    lines.slice(Math.max(0, at - context), at + context + 1).some(({ mark }) => mark !== " "),
  );
  const out = [`--- deployed/${name}`, `+++ draft/${name}`];
  let [old, fresh] = [1, 1];
  for (let at = 0; at < lines.length; at += 1) {
    if (near[at] && !near[at - 1]) {
      const end = near.indexOf(false, at);
      const hunk = lines.slice(at, end === -1 ? lines.length : end);
      const [gone, come] = ["+", "-"].map((other) => hunk.filter(({ mark }) => mark !== other).length);
      out.push(`@@ -${old},${gone ?? 0} +${fresh},${come ?? 0} @@`);
    }
    const { mark, text } = lines[at] ?? { mark: " ", text: "" };
    if (near[at]) out.push(mark + text);
    if (mark !== "+") old += 1;
    if (mark !== "-") fresh += 1;
  }
  return out.join("\n");
}
