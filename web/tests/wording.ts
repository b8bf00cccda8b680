/** Reads a refusal of the hub a line, and says how the page words it, and where it leads. */
import { createInterface } from "node:readline";
import { type Refusal, wayFrom, worded } from "../src/api/wording.ts";

for await (const line of createInterface({ input: process.stdin })) {
  const refusal = JSON.parse(line) as Refusal;
  process.stdout.write(`${JSON.stringify({ said: worded(refusal), to: wayFrom(refusal.code, refusal.fields)?.to ?? null })}\n`);
}
