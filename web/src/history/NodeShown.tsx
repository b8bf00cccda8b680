/** A node of a history: an item as a card, a call as a pill, and what one may not read as that. */
import { Link } from "@tanstack/react-router";
import { EyeOff } from "lucide-react";
import type { Schemas } from "../api/client";
import { Status } from "../ui/parts";
import { ago, size } from "../ui/words";
import { Thumbnail } from "../values/Thumbnail";
import type { History, Node } from "./graph";

type ItemNode = Schemas["ItemNode"];

/** Only what a thumbnail looks at. */
export function Picture({ node, px }: { node: ItemNode; px: number }) {
  const item = { ...node, removed_at_us: node.removed_at_us ?? null, trashed_at_us: node.trashed_at_us ?? null } as unknown as Schemas["Item"];
  return <Thumbnail item={item} size={px} />;
}

export function itemWords(node: ItemNode): string {
  const shape = (node.meta as { shape?: number[] }).shape;
  const what = shape ? `${node.kind}, ${shape.join("×") || "one value"}` : `${node.kind}, ${size(node.size_bytes)}`;
  return node.removed_at_us ? `${what}, removed` : node.trashed_at_us ? `${what}, in the trash` : what;
}

export function callWords(history: History, ref: string): string {
  const node = history.nodes.get(ref);
  const when = node?.node === "task" ? [ago(node.queued_at_us)] : [];
  return [...new Set([...(history.words.get(ref) ?? []), ...when])].join(", ");
}

/** A node as one line, with what lies behind it. */
export function NodeLine({ history, node, role }: { history: History; node: Node; role: string }) {
  const cut = history.cut.get(node.ref);
  const end = cut && <span className="chip">{cut === "depth" ? "there is more behind it" : "too much to show all of it"}</span>;
  const before = role && <span className="quiet shrink-0">{role}</span>;
  if (node.node === "hidden") {
    return (
      <span className="inline-flex min-w-0 items-center gap-2 text-soft">
        {before} <EyeOff aria-hidden className="size-4" /> something that you may not see {end}
      </span>
    );
  }
  if (node.node === "item") {
    return (
      <span className="inline-flex min-w-0 flex-wrap items-center gap-2">
        {before}
        <Link to="/data/$id" params={{ id: node.id }} tabIndex={-1} className="inline-flex min-w-0 items-center gap-2">
          <Picture node={node} px={24} />
          <span className="truncate">{node.name || "without a name"}</span>
        </Link>
        <span className="quiet">{itemWords(node)}</span>
        {end}
      </span>
    );
  }
  return (
    <span className="inline-flex min-w-0 flex-wrap items-center gap-2">
      {before}
      <Link to="/tasks/$id" params={{ id: node.id }} tabIndex={-1} className="truncate">
        {node.action}
      </Link>
      <Status status={node.status} />
      <span className="quiet">
        {callWords(history, node.ref)}
        {node.is_readable ? "" : ", its values are kept from you"}
      </span>
      {end}
    </span>
  );
}
