/** What a port takes, in a few words. */
import { type Port, childrenOf } from "./model.ts";

const KINDS: Record<string, string> = {
  bool: "yes or no", int: "whole number", float: "number", string: "text", bytes: "bytes", datetime: "date and time",
  date: "date", time: "time of day", timedelta: "span of time", uuid: "UUID", decimal: "decimal number", json: "JSON", none: "nothing",
};
const ITEMS: Record<string, string> = { "data.image": "image", "data.array": "array", "data.table": "table", "data.file": "file" };

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

export const labelOf = (port: Port): string => port.label || port.key.replaceAll("_", " ");
