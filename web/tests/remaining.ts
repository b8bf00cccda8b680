/** Reads `{"steps": [[second, percent], ...], "later_s": n}` a line, and says what remains that long after the last step. */
import { createInterface } from "node:readline";
import { type Pace, leftWords, pass, remaining } from "../src/tasks/remaining.ts";

for await (const line of createInterface({ input: process.stdin })) {
  const { steps, later_s } = JSON.parse(line) as { steps: [number, number | null][]; later_s: number };
  let pace: Pace | null = null;
  for (const [at_s, percent] of steps) pace = pass(pace, { at_us: at_s * 1e6, heardMs: at_s * 1000, percent });
  const left = remaining(pace, ((steps.at(-1)?.[0] ?? 0) + later_s) * 1000);
  process.stdout.write(`${JSON.stringify({ left, words: left === null ? null : leftWords(left) })}\n`);
}
