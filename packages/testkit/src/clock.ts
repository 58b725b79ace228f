/** A clock that stands still until it is moved. */
export interface TestClock {
  now(): Date;
  /** Moves forward (or, with a negative number, back). */
  advanceBy(milliseconds: number): void;
  moveTo(time: Date | string): void;
}

/** Starts at the given time; default noon UTC of 1 January 2030, a Tuesday. */
export function testClock(start: Date | string = "2030-01-01T12:00:00Z"): TestClock {
  let time = readTime(start);
  return {
    now: () => new Date(time),
    advanceBy: (milliseconds) => {
      time += milliseconds;
    },
    moveTo: (moment) => {
      time = readTime(moment);
    },
  };
}

function readTime(moment: Date | string): number {
  const time = new Date(moment).getTime();
  if (Number.isNaN(time)) throw new TypeError(`${String(moment)} is no time: pass a Date or an ISO 8601 text`);
  return time;
}
