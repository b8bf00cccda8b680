/** The numbers inside streamed values that a plot can follow: of the value itself, of a model's fields, of a tuple. */
import { type Port, childrenOf } from "../ports/model.ts";
import { labelOf } from "../ports/words.ts";

export interface Track {
  label: string;
  unit: string | null;
  path: (string | number)[];
}

const TRACKS = 8;

export function tracksOf(ports: Port[]): Track[] {
  const found: Track[] = [];
  const isOnly = ports.length === 1;
  for (const [at, port] of ports.entries()) gather(port, [at], isOnly && hasParts(port) ? "" : labelOf(port), found);
  return found.slice(0, TRACKS);
}

const hasParts = (port: Port): boolean => port.kind === "model" || (port.kind === "tuple" && !port.variadic);

function gather(port: Port, path: (string | number)[], label: string, found: Track[]): void {
  if (found.length >= TRACKS) return;
  if (port.kind === "int" || port.kind === "float") found.push({ label, unit: port.unit ?? null, path });
  else if (hasParts(port) && path.length < 4) {
    for (const [at, child] of childrenOf(port).entries()) {
      const name = port.kind === "model" ? labelOf(child) : String(at);
      gather(child, [...path, port.kind === "model" ? child.key : at], label ? `${label}, ${name}` : name, found);
    }
  }
}

/** The number at a path in a value; null for what is none, as NaN, which is sent as text. */
export function numberAt(value: unknown, path: (string | number)[]): number | null {
  let inner = value;
  for (const step of path) {
    if (typeof inner !== "object" || inner === null || !Object.hasOwn(inner, step)) return null;
    inner = (inner as Record<string | number, unknown>)[step];
  }
  if (typeof inner === "bigint") return Number(inner);
  return typeof inner === "number" && Number.isFinite(inner) ? inner : null;
}

/** The columns of a plot: the numbers of the values, then one column a track. */
export function columnsOf(tracks: Track[], values: unknown[][], first: number): (number | null)[][] {
  const numbers = values.map((_, at) => first + at);
  return [numbers, ...tracks.map((track) => values.map((value) => numberAt(value, track.path)))];
}
