/**
 * A form while somebody fills it. What is wrong is shown once they have been there, and all of it once they tried to run.
 *
 * The function may change meanwhile: what was typed is carried over, and what became of the function is said.
 */
import { useMemo, useState } from "react";
import { carried } from "../ports/carry.ts";
import type { Draft } from "../ports/draft.ts";
import { type Drafts, judge } from "../ports/form.ts";
import type { Definition } from "../ports/model.ts";

interface State {
  definition: Definition;
  hash: string;
  drafts: Drafts;
  changes: string[];
}

export function useFilling(definition: Definition, hash: string, begin: Drafts) {
  const [state, setState] = useState<State>({ definition, hash, drafts: begin, changes: [] });
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [showsAll, setShowsAll] = useState(false);
  let now = state;
  if (state.hash !== hash) {
    const { drafts, changes } = carried(state.definition, definition, state.drafts);
    now = { definition, hash, drafts, changes: [...state.changes.filter((change) => !changes.includes(change)), ...changes] };
    setState(now);
  }
  const { drafts, changes } = now;
  const judged = useMemo(() => judge(definition, drafts), [definition, drafts]);
  const problems = useMemo(() => {
    const shown = judged.problems.filter((one) => showsAll || [...touched].some((path) => one.path === path || one.path.startsWith(`${path}.`)));
    return new Map(shown.map((one) => [one.path, one.text]));
  }, [judged, touched, showsAll]);
  const change = (key: string, draft: Draft) => setState((old) => ({ ...old, drafts: { ...old.drafts, [key]: draft } }));
  const touch = (path: string) => setTouched((old) => (old.has(path) ? old : new Set(old).add(path)));
  return { drafts, judged, problems, changes, change, touch, showsAll, showAll: () => setShowsAll(true), forget: () => setState((old) => ({ ...old, changes: [] })) };
}
