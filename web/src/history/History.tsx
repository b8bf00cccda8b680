/** In one line, how something stored was made, and from what; with the way to all of it. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Workflow } from "lucide-react";
import { useMemo } from "react";
import type { Schemas } from "../api/client";
import { RunAgain } from "./RunAgain";
import { type Node, historyOf } from "./graph";
import { provenance } from "./queries";

const NAMED = 3;

export function History({ item }: { item: Schemas["Item"] }) {
  const found = useQuery(provenance("items", item.id, "back", 1));
  const line = useMemo(() => (found.data ? made(found.data) : null), [found.data]);
  const maker = line?.maker?.node === "task" ? line.maker : null;
  return (
    <section aria-label="History" className="flex flex-wrap items-center gap-x-3 gap-y-2">
      {line?.maker && (
        <p className="m-0 w-full min-w-0 break-words">
          Made by {maker ? <Link to="/tasks/$id" params={{ id: maker.id }} className="underline">{maker.action}</Link> : "a call that you may not see"}
          {line.inputs.length > 0 && " from "}
          {line.inputs.slice(0, NAMED).map((node, at) => (
            <span key={node.ref}>
              {at > 0 && ", "}
              {node.node === "item" ? <Link to="/data/$id" params={{ id: node.id }} className="underline">{node.name || "something without a name"}</Link> : "something that you may not see"}
            </span>
          ))}
          {line.inputs.length > NAMED && ` and ${line.inputs.length - NAMED} more`}
        </p>
      )}
      <Link to="/data/$id/history" params={{ id: item.id }} className="button">
        <Workflow aria-hidden className="size-4" /> How it was made
      </Link>
      {maker?.is_readable && <RunAgain task={maker.id} isMain={false} />}
    </section>
  );
}

function made(graph: Schemas["Graph"]): { maker: Node | null; inputs: Node[] } {
  const history = historyOf(graph);
  const flow = history.into.get(history.root)?.find((one) => one.kind === "generated" || one.kind === "returned");
  if (flow === undefined) return { maker: null, inputs: [] };
  const used = (history.into.get(flow.from) ?? []).filter((one) => one.kind === "used");
  return { maker: history.nodes.get(flow.from) ?? null, inputs: used.flatMap((one) => history.nodes.get(one.from) ?? []) };
}
