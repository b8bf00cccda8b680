/**
 * A history as something to draw and to read: what flows into what, in layers from left to right.
 *
 * People, releases and environments are not nodes of it but words at the calls. The rule: whatever the graph holds, cycles
 * included, this ends, and looks at each edge a bounded number of times.
 */
import type { Schemas } from "../api/client";

export type Graph = Schemas["Graph"];
export type AnyNode = Graph["nodes"][number];
export type Node = Schemas["ItemNode"] | Schemas["TaskNode"] | Schemas["HiddenNode"];
export type Direction = "back" | "forward" | "both";

export interface Flow {
  from: string;
  to: string;
  kind: string;
}

export interface History {
  root: string;
  nodes: Map<string, Node>;
  flows: Flow[];
  into: Map<string, Flow[]>;
  outOf: Map<string, Flow[]>;
  words: Map<string, string[]>; // by whom, of which release
  cut: Map<string, string>;
}

const BACKWARDS = new Set(["used", "again_of"]); // what is used flows into what uses it

export function historyOf(graph: Graph): History {
  const all = new Map(graph.nodes.map((node) => [node.ref, node]));
  const nodes = new Map<string, Node>();
  for (const node of graph.nodes) if (node.node === "item" || node.node === "task" || node.node === "hidden") nodes.set(node.ref, node);
  const words = new Map<string, string[]>();
  const flows = new Map<string, Flow>();
  for (const edge of graph.edges) {
    const said = wordOf(all.get(edge.target));
    if (said !== null) words.set(edge.source, [...(words.get(edge.source) ?? []), said]);
    if (!nodes.has(edge.source) || !nodes.has(edge.target)) continue;
    const [from, to] = BACKWARDS.has(edge.kind) ? [edge.target, edge.source] : [edge.source, edge.target];
    const pair = JSON.stringify([from, to]);
    if (from !== to && (!flows.has(pair) || edge.kind === "generated")) flows.set(pair, { from, to, kind: edge.kind });
  }
  const [into, outOf] = [new Map<string, Flow[]>(), new Map<string, Flow[]>()];
  for (const flow of flows.values()) {
    into.set(flow.to, [...(into.get(flow.to) ?? []), flow]);
    outOf.set(flow.from, [...(outOf.get(flow.from) ?? []), flow]);
  }
  return { root: graph.root, nodes, flows: [...flows.values()], into, outOf, words, cut: new Map(graph.cut.map((one) => [one.ref, one.reason])) };
}

function wordOf(node: AnyNode | undefined): string | null {
  switch (node?.node) {
    case "person":
      return `for ${node.name}`;
    case "release":
      return `${node.app} ${node.version}`;
    default:
      return null;
  }
}

/** Take the nodes nearest to the root, so many at most. */
export function nearest(history: History, most: number): Set<string> {
  const found = new Set<string>([history.root]);
  for (const ref of found) {
    for (const flow of [...(history.into.get(ref) ?? []), ...(history.outOf.get(ref) ?? [])]) {
      if (found.size >= most) return found;
      found.add(flow.from === ref ? flow.to : flow.from);
    }
  }
  for (const ref of history.nodes.keys()) if (found.size < most) found.add(ref);
  return found;
}

/** Give each node its layer: one after the last of what flows into it; what begins stands right before its first use. */
export function layered(history: History, drawn: Set<string>): Map<string, number> {
  const layers = new Map<string, number>();
  const { order, isBack } = sorted(history, drawn);
  for (const ref of order) {
    const before = (history.into.get(ref) ?? []).filter((flow) => drawn.has(flow.from) && !isBack(flow)).map((flow) => layers.get(flow.from) ?? 0);
    layers.set(ref, before.length ? Math.max(...before) + 1 : 0);
  }
  for (const ref of order.toReversed()) {
    if ((history.into.get(ref) ?? []).some((flow) => drawn.has(flow.from) && !isBack(flow))) continue;
    const after = (history.outOf.get(ref) ?? []).filter((flow) => drawn.has(flow.to) && !isBack(flow)).map((flow) => layers.get(flow.to)!);
    if (after.length) layers.set(ref, Math.max(0, Math.min(...after) - 1));
  }
  return layers;
}

/** Order nodes so that flows go forward; those that close a cycle go back. Without recursion: histories are deep. */
function sorted(history: History, drawn: Set<string>): { order: string[]; isBack: (flow: Flow) => boolean } {
  const done: string[] = [];
  const state = new Map<string, "open" | "done">();
  for (const start of drawn) {
    if (state.has(start)) continue;
    const stack: { ref: string; next: number }[] = [{ ref: start, next: 0 }];
    state.set(start, "open");
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      const flow = (history.outOf.get(top.ref) ?? [])[top.next++];
      if (flow === undefined) {
        state.set(top.ref, "done");
        done.push(top.ref);
        stack.pop();
      } else if (drawn.has(flow.to) && !state.has(flow.to)) {
        state.set(flow.to, "open");
        stack.push({ ref: flow.to, next: 0 });
      }
    }
  }
  const order = done.reverse();
  const at = new Map(order.map((ref, index) => [ref, index]));
  return { order, isBack: (flow) => at.get(flow.from)! >= at.get(flow.to)! };
}

export interface Place {
  ref: string;
  layer: number;
  line: number;
}

/** Put the nodes of each layer below each other, near to what they are joined with. */
export function placed(history: History, drawn: Set<string>): Place[] {
  const layers = layered(history, drawn);
  const columns: string[][] = [];
  for (const [ref, layer] of layers) (columns[layer] ??= []).push(ref);
  const line = new Map<string, number>();
  const settle = (column: string[], beside: (ref: string) => string[]) => {
    const middle = new Map(column.map((ref, index) => [ref, mean(beside(ref).flatMap((other) => line.get(other) ?? [])) ?? line.get(ref) ?? index]));
    column.sort((one, other) => middle.get(one)! - middle.get(other)!);
    column.forEach((ref, index) => line.set(ref, index - (column.length - 1) / 2));
  };
  const befores = (ref: string) => (history.into.get(ref) ?? []).map((flow) => flow.from);
  const afters = (ref: string) => (history.outOf.get(ref) ?? []).map((flow) => flow.to);
  for (const column of columns) settle(column ?? [], befores);
  for (const column of columns.toReversed()) settle(column ?? [], afters);
  for (const column of columns) settle(column ?? [], befores);
  return [...layers].map(([ref, layer]) => ({ ref, layer, line: line.get(ref)! }));
}

function mean(all: number[]): number | null {
  return all.length ? all.reduce((sum, one) => sum + one, 0) / all.length : null;
}
