/** A whole form: the drafts of all arguments, what is wrong with them, and what rules make of them. */
import { type Draft, type Problem, draftOf, emptyDraft, read, readFields } from "./draft.ts";
import { type Definition, type Port, isRequired } from "./model.ts";
import { type Values, holds } from "./rules.ts";

export type Drafts = Record<string, Draft>;

export function emptyDrafts(definition: Definition): Drafts {
  return Object.fromEntries((definition.args ?? []).map((port) => [port.key, emptyDraft(port)]));
}

/** Give a form filled with wire values; those that fit no port, or not its port, are left as they are by themselves. */
export function draftsOf(definition: Definition, values: Record<string, unknown>): Drafts {
  const empty = emptyDrafts(definition);
  for (const port of definition.args ?? []) {
    if (Object.hasOwn(values, port.key)) empty[port.key] = draftOf(port, values[port.key]) ?? empty[port.key]!;
    else if (!isRequired(port)) empty[port.key] = { is: "absent" };
  }
  return empty;
}

export interface Judged {
  args: Record<string, unknown> | null; // what would be sent; null while something is wrong
  problems: Problem[];
  warnings: Map<string, string>;
  hidden: Set<string>;
}

/** Read a form: the arguments that it stands for, or all that is wrong. */
export function judge(definition: Definition, drafts: Drafts): Judged {
  const ports = definition.args ?? [];
  const values = seen(ports, drafts);
  const hidden = new Set(ports.filter((port) => (port.effects ?? []).some((rule) => rule.kind === "hide" && holds(rule.when, values))).map((port) => port.key));
  const shown = Object.fromEntries(ports.map((port): [string, Draft] => [port.key, hidden.has(port.key) && !isRequired(port) ? { is: "absent" } : (drafts[port.key] ?? emptyDraft(port))]));
  const found = readFields(ports, shown, "");
  const problems = found.ok ? [] : [...found.problems];
  const warnings = new Map<string, string>();
  const sent = seen(ports, shown);
  for (const port of ports) {
    for (const rule of port.validators ?? []) {
      if (holds(rule.when, sent) && !problems.some((one) => one.path === port.key))
        problems.push({ path: port.key, text: rule.message ?? "Expected a value that fits the others" });
    }
    for (const rule of port.effects ?? [])
      if (rule.kind === "warn" && holds(rule.when, sent)) warnings.set(port.key, rule.message ?? "Is this meant?");
  }
  return { args: problems.length || !found.ok ? null : (found.value as Record<string, unknown>), problems, warnings, hidden };
}

/** The values that rules look at, as the hub sees them: the default of what is left out, of a union what is in it. */
function seen(ports: Port[], drafts: Drafts): Values {
  const values = Object.create(null) as Values; // a port may be called `__proto__`
  for (const port of ports) {
    const draft = drafts[port.key] ?? { is: "absent" };
    const found = draft.is === "absent" ? null : read(port, draft, port.key);
    const value = found === null ? (port.default ?? null) : found.ok ? found.value : null;
    values[port.key] = port.kind === "union" && Array.isArray(value) && value.length === 2 ? value[1] : value;
  }
  return values;
}
