/**
 * Patterns as the hub reads them (linear time, Unicode), in the browser's words.
 *
 * The rule: a pattern that could mean something else here, or that takes long where one tries every way to match, is
 * left to the hub: null. Whoever writes a function writes the pattern, and a link may bring the text.
 */
import { named } from "../named.ts";

const LONGEST = 1_000;
const MOST_STEPS = 2_000_000;

const CLASSES = named<string>({
  d: "\\p{Nd}",
  w: "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\u200c\\u200d",
  s: "\\p{White_Space}",
});

/** Whether a text fits a pattern; null when only the hub knows. */
export function fitsPattern(pattern: string, text: string): boolean | null {
  if (text.length > LONGEST || pattern.length > LONGEST) return null;
  const made = translated(pattern);
  if (made === null || stepsOf(made, text.length + 1) > MOST_STEPS) return null;
  try {
    return new RegExp(made, "u").test(text);
  } catch {
    return null;
  }
}

/** At most how many ways there are to match: each choice times each other. Choices in what is repeated have no end. */
function stepsOf(pattern: string, length: number): number {
  const hasChoice: boolean[] = [false]; // of each open group, whether there is a choice in it
  let steps = pattern.startsWith("^") && !pattern.includes("|") ? 1 : length;
  let isGroup = false; // whether what ended just now is a group with a choice in it
  for (let at = 0; at < pattern.length; at++) {
    const sign = pattern[at]!;
    const quantifier = /^(?:[*+?]|\{\d+(?:,\d*)?\})\??/.exec(pattern.slice(at, at + 24))?.[0];
    if (quantifier !== undefined) {
      if (isGroup) return Number.POSITIVE_INFINITY;
      steps *= waysOf(quantifier, length);
      hasChoice[hasChoice.length - 1] = true;
      at += quantifier.length - 1;
      continue;
    }
    isGroup = false;
    if (sign === "\\") at += pattern[at + 1] === "p" || pattern[at + 1] === "P" ? pattern.slice(at).indexOf("}") : 1;
    else if (sign === "[") at = endOfClass(pattern, at);
    else if (sign === "(") {
      hasChoice.push(false);
      if (pattern.startsWith("(?:", at)) at += 2;
    } else if (sign === ")") {
      isGroup = hasChoice.pop() ?? true;
      if (isGroup && hasChoice.length > 0) hasChoice[hasChoice.length - 1] = true;
    } else if (sign === "|") {
      steps *= 2;
      hasChoice[hasChoice.length - 1] = true;
    }
  }
  return steps;
}

function waysOf(quantifier: string, length: number): number {
  if (quantifier.startsWith("?")) return 2;
  const [, least, comma, most] = /^\{(\d+)(,?)(\d*)\}/.exec(quantifier) ?? [];
  if (least === undefined || (comma && !most)) return Number(least ?? 0) > LONGEST ? Number.POSITIVE_INFINITY : length;
  if (Number(most || least) > LONGEST) return Number.POSITIVE_INFINITY;
  return comma ? Math.min(length, Math.max(1, Number(most) - Number(least) + 1)) : 1;
}

function endOfClass(pattern: string, at: number): number {
  for (at++; at < pattern.length && pattern[at] !== "]"; at++) if (pattern[at] === "\\") at++;
  return at;
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
