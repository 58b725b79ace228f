/** The older dialect: seconds first and compulsory, an optional year, weekdays counted from Sunday = 1 to Saturday = 7. */

const weekdays = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const longNames = ["SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"];

function weekdayNumber(text: string): number | null {
  const upper = text.toUpperCase();
  const named = weekdays.indexOf(upper) + 1 || longNames.indexOf(upper) + 1;
  if (named > 0) return named;
  if (!/^\d$/.test(text)) return null;
  const number = Number(text);
  return number >= 1 && number <= 7 ? number : null;
}

/** The days of `a`, `a-b`, `*`, each with an optional `/step`, as numbers 1..7; `null` when it is none of these. */
function daysOf(item: string): number[] | null {
  const [, range = "", step = "1"] = /^([^/]+)(?:\/(\d{1,2}))?$/.exec(item) ?? [];
  const everyNth = Number(step);
  if (range === "" || everyNth < 1) return null;
  const [from, to] = range.split("-");
  const first = range === "*" || range === "?" ? 1 : weekdayNumber(from ?? "");
  const stepped = item.includes("/");
  const last = range === "*" || range === "?" ? 7 : to === undefined ? (stepped ? 7 : first) : weekdayNumber(to);
  if (first === null || last === null || first > last || range.split("-").length > 2) return null;
  return Array.from({ length: last - first + 1 }, (_, n) => first + n).filter((day) => (day - first) % everyNth === 0);
}

/** A weekday field of the older dialect in the newer one's numbers (0 = Sunday); `null` when it cannot be read. */
export function translateWeekdays(field: string): string | null {
  if (field === "*" || field === "?") return field;
  const days = field.split(",").map(daysOf);
  if (days.some((found) => found === null)) return null;
  return [...new Set(days.flat())].map((day) => Number(day) - 1).join(",");
}
