/**
 * Patterns as the hub reads them (linear time, Unicode), in the browser's words.
 *
 * The rule: a pattern that could mean something else here is left to the hub: null.
 */
import { named } from "../named.ts";

const CLASSES = named<string>({
  d: "\\p{Nd}",
  w: "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\u200c\\u200d",
  s: "\\p{White_Space}",
});

export function regexOf(pattern: string): RegExp | null {
  const text = translated(pattern);
  if (text === null) return null;
  try {
    return new RegExp(text, "u");
  } catch {
    return null;
  }
}

function translated(pattern: string): string | null {
  const made: string[] = [];
  let isInside = false;
  for (let at = 0; at < pattern.length; at++) {
    const sign = pattern[at]!;
    if (sign === "\\") {
      const escaped = escapeOf(pattern[++at] ?? "", isInside);
      if (escaped === null) return null;
      made.push(escaped);
    } else if (isInside) {
      if (sign === "[" || ((sign === "&" || sign === "-" || sign === "~") && pattern[at + 1] === sign)) return null; // classes in classes
      isInside = sign !== "]";
      made.push(sign);
    } else if (sign === "[") {
      isInside = true;
      made.push(sign);
      if (pattern[at + 1] === "^") made.push(pattern[++at]!);
      if (pattern[at + 1] === "]" || pattern[at + 1] === "-") return null; // counts as itself there, not here
    } else if (sign === "(" && pattern[at + 1] === "?") {
      if (!pattern.startsWith("(?:", at)) return null; // flags and names
      made.push(sign);
    } else if (sign === ".") made.push("[^\\n]");
    else made.push(sign);
  }
  return made.join("");
}

/** What stands for an escaped sign; null when only the hub knows. */
function escapeOf(sign: string, isInside: boolean): string | null {
  const inner = CLASSES[sign.toLowerCase()];
  if (inner !== undefined) {
    if (sign === sign.toLowerCase()) return isInside ? inner : `[${inner}]`;
    return isInside ? null : `[^${inner}]`;
  }
  if (/[nrtfv]/.test(sign)) return `\\${sign}`;
  if (/[a-zA-Z0-9]/.test(sign) || sign === "") return null;
  if (/[\\^$.*+?()[\]{}|/]/.test(sign) || (sign === "-" && isInside)) return `\\${sign}`;
  return sign; // plain here, where an escape of it would be refused
}
