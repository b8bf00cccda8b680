/** A tree that unfolds: arrow keys go through it, right opens, left closes, Enter follows. Only what is open is in the page. */
import { ChevronRight } from "lucide-react";
import { type KeyboardEvent, type ReactNode, useMemo, useRef, useState } from "react";

export interface Branch {
  key: string; // unique in the whole tree
  show: ReactNode;
  isCurrent?: boolean;
  children: Branch[];
}

interface Line extends Branch {
  level: number;
  at: number;
  of: number;
}

interface Props {
  label: string;
  roots: Branch[];
  opensAtFirst: (branch: Branch, level: number) => boolean;
}

const MOST = 500;

export function Tree({ label, roots, opensAtFirst }: Props) {
  const [said, setSaid] = useState<ReadonlyMap<string, boolean>>(new Map());
  const [focus, setFocus] = useState<string | null>(null);
  const tree = useRef<HTMLUListElement>(null);
  const isOpen = (branch: Branch, level: number) => branch.children.length > 0 && (said.get(branch.key) ?? opensAtFirst(branch, level));
  const lines = useMemo(() => linesOf(roots, isOpen), [roots, said, opensAtFirst]);
  const shown = lines.slice(0, MOST);
  const current = shown.find((line) => line.key === focus) ?? shown.find((line) => line.isCurrent) ?? shown[0];
  const set = (key: string, open: boolean) => setSaid((old) => new Map(old).set(key, open));
  const go = (line: Line | undefined) => {
    if (line === undefined) return;
    setFocus(line.key);
    tree.current?.querySelector<HTMLElement>(`[data-key="${CSS.escape(line.key)}"]`)?.focus();
  };
  const press = (event: KeyboardEvent) => {
    if (current === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    const at = shown.indexOf(current);
    const open = isOpen(current, current.level);
    const keys: Record<string, () => void> = {
      ArrowDown: () => go(shown[at + 1]),
      ArrowUp: () => go(shown[at - 1]),
      Home: () => go(shown[0]),
      End: () => go(shown.at(-1)),
      ArrowRight: () => (open ? go(shown[at + 1]) : current.children.length > 0 && set(current.key, true)),
      ArrowLeft: () => (open ? set(current.key, false) : go(shown.slice(0, at).findLast((line) => line.level < current.level))),
      Enter: () => (event.currentTarget as HTMLElement).querySelector<HTMLElement>(`[data-key="${CSS.escape(current.key)}"] a`)?.click(),
    };
    const act = keys[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  };
  return (
    <>
      <ul ref={tree} role="tree" aria-label={label} className="m-0 list-none p-0" onKeyDown={press}>
        {shown.map((line) => {
          const open = isOpen(line, line.level);
          return (
            <li
              key={line.key}
              role="treeitem"
              data-key={line.key}
              aria-level={line.level}
              aria-posinset={line.at}
              aria-setsize={line.of}
              aria-expanded={line.children.length > 0 ? open : undefined}
              aria-current={line.isCurrent ? "true" : undefined}
              aria-selected={line.key === current?.key}
              tabIndex={line.key === current?.key ? 0 : -1}
              className={`flex min-h-8 items-center gap-1 rounded-md py-0.5 pr-2 ${line.isCurrent ? "bg-accent-soft" : ""}`}
              style={{ paddingLeft: `${Math.min(line.level - 1, 12) * 1.25}rem` }}
              onFocus={() => setFocus(line.key)}
            >
              {line.children.length > 0 ? (
                <span aria-hidden className="grid size-6 shrink-0 cursor-pointer place-items-center text-soft" onClick={() => set(line.key, !open)}>
                  <ChevronRight className={`size-4 ${open ? "rotate-90" : ""}`} />
                </span>
              ) : (
                <span aria-hidden className="size-6 shrink-0" />
              )}
              {line.show}
            </li>
          );
        })}
      </ul>
      {lines.length > MOST && <p className="quiet m-0">{lines.length - MOST} more lines. Close some branches to see them.</p>}
    </>
  );
}

function linesOf(roots: Branch[], isOpen: (branch: Branch, level: number) => boolean): Line[] {
  const found: Line[] = [];
  const add = (branches: Branch[], level: number) =>
    branches.forEach((branch, index) => {
      found.push({ ...branch, level, at: index + 1, of: branches.length });
      if (isOpen(branch, level)) add(branch.children, level + 1);
    });
  add(roots, 1);
  return found;
}
