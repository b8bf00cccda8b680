/** Bringing what somebody typed over to a function as it was changed meanwhile: all of it that still fits. */
import { type Draft, draftOf, emptyDraft, read } from "./draft.ts";
import { type Drafts } from "./form.ts";
import { type Definition, type Port, childrenOf, isRequired } from "./model.ts";
import { isSame } from "./rules.ts";
import { kindWords, labelOf } from "./words.ts";

export interface Carried {
  drafts: Drafts;
  changes: string[]; // in words, for the one who fills the form
}

export function carried(old: Definition, now: Definition, drafts: Drafts): Carried {
  const made: Drafts = {};
  const changes: string[] = [];
  const known = new Map((old.args ?? []).map((port) => [port.key, port]));
  for (const port of now.args ?? []) {
    const before = known.get(port.key);
    known.delete(port.key);
    const draft = drafts[port.key];
    if (before === undefined || draft === undefined) {
      made[port.key] = emptyDraft(port);
      changes.push(`${labelOf(port)} is new`);
      continue;
    }
    const wasTouched = !isSame(draft, emptyDraft(before));
    const kept = wasTouched ? moved(before, port, draft) : emptyDraft(port);
    made[port.key] = kept ?? emptyDraft(port);
    const change = changeOf(before, port);
    if (kept === null) changes.push(`${labelOf(port)} takes another kind of value now (${kindWords(port)}), so what you typed does not fit`);
    else if (change !== null) changes.push(change);
  }
  for (const port of known.values()) changes.push(`${labelOf(port)} is gone`);
  return { drafts: made, changes };
}

/** Bring one draft over; null when nothing of it fits. */
function moved(before: Port, port: Port, draft: Draft): Draft | null {
  if (draft.is === "absent") return isRequired(port) ? emptyDraft(port) : draft;
  if (isSame(shapeOf(before), shapeOf(port))) return draft; // also what is not right yet
  const found = read({ ...before, constraints: null }, draft, port.key);
  if (found.ok) return draftOf(port, found.value);
  const blank = emptyDraft(port);
  return draft.is === "text" && blank.is === "text" ? draft : null;
}

const choicesOf = (port: Port): unknown[] => (port.choices ?? []).map((choice) => choice.value);

/** What a draft depends on. */
function shapeOf(port: Port): unknown {
  return [
    port.key, port.kind, isRequired(port), port.nullable ?? false, port.variadic ?? false, port.identifier ?? "",
    choicesOf(port), childrenOf(port).map(shapeOf),
  ];
}

function changeOf(before: Port, port: Port): string | null {
  if (kindWords(before) !== kindWords(port)) return `${labelOf(port)} takes another kind of value now (${kindWords(port)})`;
  if (!isSame(choicesOf(before), choicesOf(port))) return `${labelOf(port)} has other choices`;
  if (!isSame(shapeOf(before), shapeOf(port))) return `${labelOf(port)} is made otherwise`;
  if (!isSame(before.constraints ?? null, port.constraints ?? null)) return `${labelOf(port)} has other limits`;
  if (!isSame(before.default ?? null, port.default ?? null)) return `${labelOf(port)} has another default`;
  return null;
}
