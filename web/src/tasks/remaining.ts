/**
 * How long a task that tells its progress will take yet, as far as that can be known.
 *
 * The pace is a mean over time that forgets what is long ago. The rule: nothing is said before the end that it leads to
 * has settled, nor when no step came for long.
 */
export interface Step {
  at_us: number; // by the clock of who tells it
  heardMs: number; // by the clock of this page
  percent: number | null;
}

export interface Pace {
  begun_s: number;
  from: number; // the percent that it began with
  at_s: number;
  percent: number;
  heardMs: number;
  steps: number;
  rate: number; // percent a second
  end_s: number; // where it leads to, smoothed
  spread_s: number; // how far the ends that it led to lie from that
}

const STEPS = 4;
const LEAST_S = 5;
const LEAST_PERCENT = 1;
const FORGOTTEN = 0.6; // of the time since it began
const SPREAD = 0.25; // of what remains
const STALLED_S = 10;
const STALLED_STEPS = 4;
const LONGEST_S = 30 * 86_400;

export function pass(pace: Pace | null, { at_us, heardMs, percent }: Step): Pace | null {
  if (percent === null || !(percent >= 0 && percent <= 100) || !Number.isFinite(at_us)) return null;
  const at_s = at_us / 1e6;
  if (pace === null || percent < pace.percent || at_s < pace.at_s) {
    return { begun_s: at_s, from: percent, at_s, percent, heardMs, steps: 0, rate: 0, end_s: 0, spread_s: 0 };
  }
  const took_s = at_s - pace.at_s;
  if (percent === pace.percent || took_s === 0) return took_s === 0 ? { ...pace, percent } : pace; // what was waited counts for the next
  const elapsed_s = at_s - pace.begun_s;
  const share = Math.max(took_s / elapsed_s, 1 - Math.exp(-took_s / (FORGOTTEN * elapsed_s)));
  const rate = pace.rate + share * ((percent - pace.percent) / took_s - pace.rate);
  const leads_s = at_s + (100 - percent) / rate;
  const end_s = pace.steps === 0 ? leads_s : pace.end_s + share * (leads_s - pace.end_s);
  const spread_s = pace.spread_s + share * (Math.abs(leads_s - end_s) - pace.spread_s);
  return { ...pace, at_s, percent, heardMs, steps: pace.steps + 1, rate, end_s, spread_s };
}

/** The seconds that remain; null where they can't be known. */
export function remaining(pace: Pace | null, nowMs: number): number | null {
  if (pace === null || pace.percent >= 100 || pace.steps < STEPS) return null;
  const elapsed_s = pace.at_s - pace.begun_s;
  if (elapsed_s < LEAST_S || pace.percent - pace.from < LEAST_PERCENT) return null;
  const waited_s = Math.max(0, nowMs - pace.heardMs) / 1000;
  if (waited_s > Math.max(STALLED_S, (STALLED_STEPS * elapsed_s) / pace.steps)) return null;
  const left_s = pace.end_s - pace.at_s - waited_s;
  if (!(left_s < LONGEST_S) || pace.spread_s > SPREAD * Math.max(0, left_s) + 2) return null;
  return Math.max(0, left_s);
}

/** Say it no more exactly than it is known. */
export function leftWords(left_s: number): string {
  if (left_s < 10) return "a few seconds left";
  if (left_s < 50) return "less than a minute left";
  if (left_s < 5_400) return `about ${Math.max(1, Math.round(left_s / 60))} min left`;
  if (left_s < 36 * 3600) return `about ${Math.round(left_s / 3600)} h left`;
  return `about ${Math.round(left_s / 86_400)} days left`;
}
