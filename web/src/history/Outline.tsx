/** A history to be read: from the thing itself, step by step, to what it was made from or what was made of it. */
import { useCallback, useMemo } from "react";
import { type Branch, Tree } from "../ui/Tree";
import { NodeLine } from "./NodeShown";
import type { Flow, History } from "./graph";

const MOST = 3_000; // lines in all: what is used often is told in full only once

const BACK: Record<string, string> = { generated: "made by", returned: "given by", used: "from", called: "called by", again_of: "repeats" };
const FORWARD: Record<string, string> = { generated: "made", returned: "gave", used: "used by", called: "called", again_of: "repeated by" };

export function Outline({ history, direction }: { history: History; direction: "back" | "forward" }) {
  const roots = useMemo(() => outlined(history, direction), [history, direction]);
  const opensAtFirst = useCallback((_: Branch, level: number) => level < 7, []);
  const nothing = direction === "back" ? "Nothing is known of how it was made." : "Nothing was made of it.";
  if (roots[0]?.children.length === 0) return <p className="quiet m-0">{nothing}</p>;
  return <Tree label={direction === "back" ? "How it was made" : "What was made of it"} roots={roots} opensAtFirst={opensAtFirst} />;
}

function outlined(history: History, direction: "back" | "forward"): Branch[] {
  const told = new Set<string>();
  let count = 0;
  const branchOf = (ref: string, role: string, path: string): Branch | null => {
    const node = history.nodes.get(ref);
    if (node === undefined || count >= MOST) return null;
    count++;
    const isTold = told.has(ref);
    told.add(ref);
    const flows: Flow[] = isTold ? [] : ((direction === "back" ? history.into : history.outOf).get(ref) ?? []);
    const children = flows.flatMap((flow) => {
      const other = direction === "back" ? flow.from : flow.to;
      return branchOf(other, (direction === "back" ? BACK : FORWARD)[flow.kind] ?? "", `${path}/${other}`) ?? [];
    });
    const hasMore = isTold && ((direction === "back" ? history.into : history.outOf).get(ref)?.length ?? 0) > 0;
    return { key: path, children, isCurrent: ref === history.root, show: <NodeLine history={history} node={node} role={hasMore ? `${role} (told above)` : role} /> };
  };
  const root = branchOf(history.root, "", history.root);
  return root === null ? [] : [root];
}
