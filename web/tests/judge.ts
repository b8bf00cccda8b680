/** Reads `{"ports": [...], "args": {...}}` a line, and says what the form makes of each: the arguments sent, or null. */
import { createInterface } from "node:readline";
import { parse, stringify } from "../src/json.ts";
import { draftOf } from "../src/ports/draft.ts";
import { draftsOf, judge } from "../src/ports/form.ts";
import type { Port } from "../src/ports/model.ts";

for await (const line of createInterface({ input: process.stdin })) {
  const { ports, args } = parse(line) as { ports: Port[]; args: Record<string, unknown> };
  const definition = { name: "f", args: ports };
  const strange = Object.keys(args).some((key) => {
    const port = ports.find((one) => one.key === key);
    return port === undefined || draftOf(port, args[key]) === null;
  });
  const judged = strange ? null : judge(definition, draftsOf(definition, args));
  process.stdout.write(`${stringify({ args: judged?.args ?? null, problems: judged?.problems ?? [] })}\n`);
}
