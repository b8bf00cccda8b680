/**
 * What stands in a form for each port while somebody fills it, and reading it: the wire value, or what is wrong where.
 *
 * The rule: what is read without a problem is what the hub takes, and what the hub would refuse is a problem here.
 */
import { parse, stringify } from "../json.ts";
import { limitProblem } from "./limits.ts";
import { type Port, childrenOf, isRequired } from "./model.ts";
import { isSame } from "./rules.ts";
import { TYPED, readScalar, spanText } from "./scalars.ts";

export type Draft =
  | { is: "absent" } // left out: the function's default holds
  | { is: "null" }
  | { is: "text"; text: string }
  | { is: "bool"; value: boolean }
  | { is: "choice"; at: number | null }
  | { is: "items"; items: Draft[] }
  | { is: "entries"; entries: { key: Draft; value: Draft }[] }
  | { is: "fields"; fields: Record<string, Draft> }
  | { is: "branch"; at: number; value: Draft };

export interface Problem {
  path: string; // of the draft, as `args.options.sizes.0`
  text: string;
}

export type Filled = { ok: true; value: unknown } | { ok: false; problems: Problem[] };

const DEPTH = 64;
const MAY_BE_EMPTY: ReadonlySet<string> = new Set(["string", "bytes"]);

/** What a form begins with: the default, or nothing. */
export function emptyDraft(port: Port, depth = 0): Draft {
  if (!isRequired(port)) {
    if (port.default === undefined || port.default === null) return { is: "absent" };
    return draftOf(port, port.default) ?? { is: "absent" };
  }
  if (port.nullable) return { is: "null" };
  return blankDraft(port, depth);
}

/** A value of the port without its default, for what is being added or switched on. */
export function blankDraft(port: Port, depth = 0): Draft {
  if (TYPED.has(port.kind)) return { is: "text", text: port.kind === "json" ? (port.constraints?.json_type === "array" ? "[]" : "{}") : "" };
  switch (port.kind) {
    case "bool":
      return { is: "bool", value: false };
    case "enum":
    case "literal":
      return { is: "choice", at: port.choices?.length === 1 ? 0 : null };
    case "list":
    case "set":
      return { is: "items", items: least(port, depth) };
    case "tuple":
      return {
        is: "items",
        items: port.variadic ? least(port, depth) : childrenOf(port).map((child) => emptyDraft(child, depth + 1)),
      };
    case "dict":
      return { is: "entries", entries: [] };
    case "model":
      return {
        is: "fields",
        fields: depth > DEPTH ? {} : Object.fromEntries(childrenOf(port).map((child) => [child.key, emptyDraft(child, depth + 1)])),
      };
    case "union":
      return { is: "branch", at: 0, value: childrenOf(port)[0] ? emptyDraft(childrenOf(port)[0]!, depth + 1) : { is: "null" } };
    default:
      return { is: "null" };
  }
}

function least(port: Port, depth: number): Draft[] {
  const child = childrenOf(port)[0];
  const count = Math.min(port.constraints?.min_length ?? 0, 16);
  return child === undefined || depth > DEPTH ? [] : Array.from({ length: count }, () => emptyDraft(child, depth + 1));
}

/** Bring a wire value into a form; null when it is not one of the port's. */
export function draftOf(port: Port, value: unknown): Draft | null {
  if (value === null || value === undefined) {
    if (port.nullable || port.kind === "none") return { is: "null" };
    return value === null && port.kind === "json" ? { is: "text", text: "null" } : null;
  }
  const children = childrenOf(port);
  switch (port.kind) {
    case "bool":
      return typeof value === "boolean" ? { is: "bool", value } : null;
    case "int":
    case "float":
      return typeof value === "object" ? null : { is: "text", text: Object.is(value, -0) ? "-0.0" : String(value) };
    case "timedelta":
      return Number.isInteger(value) || typeof value === "bigint" ? { is: "text", text: spanText(value as number | bigint) } : null;
    case "json":
      return { is: "text", text: stringify(value, 2) };
    case "enum":
    case "literal": {
      const at = (port.choices ?? []).findIndex((choice) => typeof choice.value === typeof value && isSame(choice.value, value));
      return at < 0 ? null : { is: "choice", at };
    }
    case "list":
    case "set":
    case "tuple": {
      if (!Array.isArray(value)) return null;
      const isFixed = port.kind === "tuple" && !port.variadic;
      if (isFixed && value.length !== children.length) return null;
      const items = value.map((item, at) => {
        const child = children[isFixed ? at : 0];
        return child === undefined ? null : draftOf(child, item);
      });
      return items.includes(null) ? null : { is: "items", items: items as Draft[] };
    }
    case "dict": {
      const [keyPort, valuePort] = children;
      if (typeof value !== "object" || Array.isArray(value) || keyPort === undefined || valuePort === undefined) return null;
      const entries = Object.entries(value).map(([name, inner]) => ({ key: keyDraft(keyPort, name), value: draftOf(valuePort, inner) }));
      if (entries.some((entry) => entry.key === null || entry.value === null)) return null;
      return { is: "entries", entries: entries as { key: Draft; value: Draft }[] };
    }
    case "model": {
      if (typeof value !== "object" || Array.isArray(value)) return null;
      const fields: [string, Draft][] = [];
      for (const child of children) {
        const given = Object.hasOwn(value, child.key);
        const inner = given ? draftOf(child, (value as Record<string, unknown>)[child.key]) : emptyDraft(child);
        if (inner === null) return null;
        fields.push([child.key, inner]);
      }
      return { is: "fields", fields: Object.fromEntries(fields) };
    }
    case "union": {
      if (!Array.isArray(value) || value.length !== 2) return null;
      const at = Number(value[0]);
      const inner = children[at] === undefined ? null : draftOf(children[at], value[1]);
      return inner === null ? null : { is: "branch", at, value: inner };
    }
    case "none":
      return { is: "null" };
    default:
      return typeof value === "string" ? { is: "text", text: value } : null;
  }
}

function keyDraft(port: Port, name: string): Draft | null {
  if (port.kind === "bool") return { is: "bool", value: name === "true" };
  if (port.kind === "enum" || port.kind === "literal") return draftOf(port, name);
  return { is: "text", text: name };
}

/** Read what a form holds for a port that is not left out. */
export function read(port: Port, draft: Draft, path: string): Filled {
  if (draft.is === "null" || (draft.is === "absent" && port.nullable)) {
    if (port.nullable || port.kind === "none") return { ok: true, value: null };
    return wrong(path, "A value is needed");
  }
  if (draft.is === "absent") return wrong(path, "A value is needed");
  const found = readKind(port, draft, path);
  if (!found.ok) return found;
  const problem = limitProblem(port, found.value);
  return problem === null ? found : wrong(path, problem);
}

function readKind(port: Port, draft: Draft, path: string): Filled {
  const children = childrenOf(port);
  switch (draft.is) {
    case "bool":
      return port.kind === "bool" ? { ok: true, value: draft.value } : wrong(path, "Something else is needed");
    case "choice": {
      const chosen = draft.at === null ? undefined : port.choices?.[draft.at];
      return chosen === undefined ? wrong(path, "Choose one") : { ok: true, value: chosen.value };
    }
    case "text": {
      if (!MAY_BE_EMPTY.has(port.kind) && draft.text.trim() === "") return wrong(path, "A value is needed");
      const found = readScalar(port.kind, draft.text, parse);
      return found.ok ? found : wrong(path, `Expected ${found.expected}`);
    }
    case "items": {
      const isFixed = port.kind === "tuple" && !port.variadic;
      const read1 = draft.items.map((item, at) => {
        const child = children[isFixed ? at : 0];
        return child === undefined ? wrong(`${path}.${at}`, "There is no such element") : read(child, item, `${path}.${at}`);
      });
      return gather(read1);
    }
    case "entries": {
      const [keyPort, valuePort] = children;
      if (keyPort === undefined || valuePort === undefined) return wrong(path, "The function describes no such dict");
      const value: [string, unknown][] = [];
      const problems: Problem[] = [];
      const names = new Set<string>();
      draft.entries.forEach((entry, at) => {
        const key = readKey(keyPort, entry.key, `${path}.${at}.key`);
        const inner = read(valuePort, entry.value, `${path}.${at}.value`);
        if (!key.ok) problems.push(...key.problems);
        if (!inner.ok) problems.push(...inner.problems);
        if (!key.ok || !inner.ok) return;
        const name = String(key.value);
        if (names.has(name)) problems.push({ path: `${path}.${at}.key`, text: "This key is there already" });
        names.add(name);
        value.push([name, inner.value]);
      });
      return problems.length ? { ok: false, problems } : { ok: true, value: objectOf(value) };
    }
    case "fields":
      return readFields(children, draft.fields, path);
    case "branch": {
      const child = children[draft.at];
      if (child === undefined) return wrong(path, "Choose a form");
      const inner = read(child, draft.value, `${path}.value`);
      return inner.ok ? { ok: true, value: [draft.at, inner.value] } : inner;
    }
    default:
      return { ok: true, value: null };
  }
}

function readKey(port: Port, draft: Draft, path: string): Filled {
  const found = read(port, draft, path);
  return found.ok && port.kind === "bool" ? { ok: true, value: found.value ? "true" : "false" } : found;
}

/** Read ports side by side: the arguments of a call, or the fields of a model. Those left out are not in the result. */
export function readFields(ports: Port[], drafts: Record<string, Draft>, path: string): Filled {
  const value: [string, unknown][] = [];
  const problems: Problem[] = [];
  for (const port of ports) {
    const draft = drafts[port.key] ?? { is: "absent" };
    if (draft.is === "absent" && !isRequired(port)) continue;
    const found = read(port, draft, path ? `${path}.${port.key}` : port.key);
    if (found.ok) value.push([port.key, found.value]);
    else problems.push(...found.problems);
  }
  return problems.length ? { ok: false, problems } : { ok: true, value: objectOf(value) };
}

/** An object with these fields, whatever they are called: `__proto__` is a field as any other. */
function objectOf(fields: [string, unknown][]): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  for (const [name, value] of fields) Object.defineProperty(made, name, { value, enumerable: true, configurable: true, writable: true });
  return made;
}

function gather(all: Filled[]): Filled {
  const problems = all.flatMap((one) => (one.ok ? [] : one.problems));
  return problems.length ? { ok: false, problems } : { ok: true, value: all.map((one) => (one.ok ? one.value : null)) };
}

const wrong = (path: string, text: string): Filled => ({ ok: false, problems: [{ path, text }] });
