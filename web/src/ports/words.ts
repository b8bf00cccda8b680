/** What a port takes, in a few words. */
import { type Port, childrenOf } from "./model.ts";
import { named } from "../named.ts";

const KINDS = named<string>({
  bool: "yes or no", int: "whole number", float: "number", string: "text", bytes: "bytes", datetime: "date and time",
  date: "date", time: "time of day", timedelta: "span of time", uuid: "UUID", decimal: "decimal number", json: "JSON", none: "nothing",
});
const ITEMS = named<string>({ "data.image": "image", "data.array": "array", "data.table": "table", "data.file": "file" });

export function kindWords(port: Port): string {
  const inner = childrenOf(port).map(kindWords);
  switch (port.kind) {
    case "list":
    case "set":
      return `${port.kind} of ${many(inner[0])}`;
    case "tuple":
      return port.variadic ? `list of ${many(inner[0])}` : `(${inner.join(", ")})`;
    case "dict":
      return `${inner[0]} → ${inner[1]}`;
    case "union":
      return inner.join(" or ");
    case "enum":
    case "literal":
      return "choice";
    case "model":
    case "memory":
      return port.identifier ?? port.kind;
    case "structure":
      return ITEMS[port.identifier ?? ""] ?? port.identifier ?? "reference";
    default:
      return KINDS[port.kind] ?? port.kind;
  }
}

const many = (words: string | undefined): string => (words === undefined ? "values" : /^[a-z ]*[a-rt-z]$/.test(words) ? `${words}s` : words);

/** The kind of item that a port takes by reference; null when it takes something else. */
export function itemKind(port: Port): string | null {
  return port.kind === "structure" ? (ITEMS[port.identifier ?? ""] ?? null) : null;
}

/** The kinds of items that a field searches: those of its port, or those that its widget names; null when it searches none. */
export function searchedKinds(port: Port): string[] | null {
  const kind = itemKind(port);
  const wanted = port.widget?.kind === "dataset_search" && Array.isArray(port.widget.item_kinds) ? (port.widget.item_kinds as string[]) : null;
  if (kind !== null) return kind === "array" ? ["array", "image"] : (wanted?.length ? wanted : [kind]);
  return wanted !== null && port.kind === "string" ? wanted : null;
}

const LENGTHS: Record<string, string> = { string: "characters", bytes: "bytes", list: "elements", set: "elements", tuple: "elements", dict: "entries" };

/** The limits of a port in a few words, as they stand behind its kind. */
export function limitWords(port: Port): string {
  const { ge, gt, le, lt, multiple_of: step, min_length: least, max_length: most } = port.constraints ?? {};
  const [low, high] = [ge ?? gt, le ?? lt];
  const isPlain = ["int", "float", "decimal", "date", "datetime", "time"].includes(port.kind);
  const words: string[] = [];
  if (isPlain && low != null && high != null) words.push(`${gt != null && ge == null ? "above " : ""}${String(low)} to ${lt != null && le == null ? "below " : ""}${String(high)}`);
  else if (isPlain && low != null) words.push(ge != null ? `at least ${String(ge)}` : `more than ${String(gt)}`);
  else if (isPlain && high != null) words.push(le != null ? `at most ${String(le)}` : `less than ${String(lt)}`);
  if (isPlain && step != null) words.push(`in steps of ${String(step)}`);
  const what = LENGTHS[port.kind];
  if (what && least != null && most != null) words.push(least === most ? `${least} ${what}` : `${least} to ${most} ${what}`);
  else if (what && least != null && least > 1) words.push(`at least ${least} ${what}`);
  else if (what && most != null) words.push(`at most ${most} ${what}`);
  return words.map((word) => `, ${word}`).join("");
}

export const labelOf = (port: Port): string => port.label || port.key.replaceAll("_", " ");
