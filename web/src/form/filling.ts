/** A form while somebody fills it. What is wrong is shown once they have been there, and all of it once they tried to run. */
import { useMemo, useState } from "react";
import type { Draft } from "../ports/draft.ts";
import { type Drafts, judge } from "../ports/form.ts";
import type { Definition } from "../ports/model.ts";

export function useFilling(definition: Definition, begin: Drafts) {
  const [drafts, setDrafts] = useState(begin);
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [showsAll, setShowsAll] = useState(false);
  const judged = useMemo(() => judge(definition, drafts), [definition, drafts]);
  const problems = useMemo(() => {
    const shown = judged.problems.filter((one) => showsAll || [...touched].some((path) => one.path === path || one.path.startsWith(`${path}.`)));
    return new Map(shown.map((one) => [one.path, one.text]));
  }, [judged, touched, showsAll]);
  const change = (key: string, draft: Draft) => setDrafts((old) => ({ ...old, [key]: draft }));
  const touch = (path: string) => setTouched((old) => (old.has(path) ? old : new Set(old).add(path)));
  return { drafts, judged, problems, change, touch, showsAll, showAll: () => setShowsAll(true) };
}
