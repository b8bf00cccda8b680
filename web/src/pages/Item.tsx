/** One stored thing: its picture, what it holds, where it comes from, and what people say of it. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { RotateCcw, Trash2, X } from "lucide-react";
import { Suspense, lazy, useState } from "react";
import { type Schemas, ask, pathTo } from "../api/client";
import { item as itemQuery } from "../api/queries";
import { History } from "../history/History";
import { own } from "../named";
import type { Port } from "../ports/model";
import { Failure, Loading, Title } from "../ui/parts";
import { moment, size, symbol } from "../ui/words";
import { ItemField } from "../form/ItemField";
import { FilePreview } from "../values/FilePreview";
import { TableView } from "../values/TableView";
import { Thumbnail, what } from "../values/Thumbnail";
import { SeenBy } from "./SeenBy";

const Viewer = lazy(() => import("../image/Viewer").then(({ Viewer }) => ({ default: Viewer })));

const route = getRouteApi("/data/$id");

interface Meta {
  axes?: string[];
  shape?: number[];
  scale?: Record<string, number>;
  units?: Record<string, string>;
  channels?: { name: string; color?: string }[];
  columns?: { name: string; type: string }[];
  origin?: { name: string; size_bytes: number };
}

const COMPARED = { key: "compare", label: "the comparison", kind: "structure", identifier: "data.image" } as Port;

export function Item() {
  const { id } = route.useParams();
  const found = useQuery(itemQuery(id));
  if (found.data) return <Shown key={id} item={found.data} />;
  return found.error ? <Failure error={found.error} again={() => void found.refetch()} /> : <Loading rows={4} />;
}

function Shown({ item }: { item: Schemas["Item"] }) {
  const client = useQueryClient();
  const change = useMutation({
    mutationFn: ({ method, path = "", tag, body }: { method: string; path?: string; tag?: string; body?: unknown }) =>
      ask(method, tag === undefined ? pathTo`/api/items/${item.id}` + path : pathTo`/api/items/${item.id}/tags/${tag}`, body),
    onSettled: async () => {
      await client.invalidateQueries({ queryKey: ["item", item.id] });
      await client.invalidateQueries({ queryKey: ["items"] });
    },
  });
  const isTrashed = item.trashed_at_us !== null;
  return (
    <>
      <Title
        beside={
          <button type="button" className={`button ${isTrashed ? "" : "bad"}`} disabled={change.isPending} onClick={() => change.mutate({ method: "POST", path: isTrashed ? "/restore" : "/trash" })}>
            {isTrashed ? <RotateCcw aria-hidden className="size-4" /> : <Trash2 aria-hidden className="size-4" />}
            {isTrashed ? "Restore" : "Put into the trash"}
          </button>
        }
      >
        {item.name}
      </Title>
      {change.error && <Failure error={change.error} />}
      {isTrashed && <p className="panel m-0 mb-4 px-4 py-3">It lies in the trash since {moment(item.trashed_at_us!)}. It can be restored for some days; the <Link to="/team/storage">storage of the team</Link> says for how many.</p>}
      <div className={`grid gap-6 ${isSeen(item) ? "lg:grid-cols-[minmax(0,1fr)_20rem]" : ""}`}>
        {isSeen(item) && <Picture item={item} />}
        <div className="grid content-start gap-5">
          <Facts item={item} />
          <History item={item} />
          <Tags item={item} busy={change.isPending} put={(tag) => change.mutate({ method: "PUT", tag })} drop={(tag) => change.mutate({ method: "DELETE", tag })} />
          {item.note && <p className="m-0 max-w-prose whitespace-pre-wrap break-words">{item.note}</p>}
        </div>
      </div>
      <TableView item={item} />
      <FilePreview item={item} />
    </>
  );
}

/** Whether an item has planes of real numbers that can be looked at. */
function isSeen(item: Schemas["Item"]): boolean {
  const { shape = [], dtype = "" } = item.meta as { shape?: number[]; dtype?: string };
  const isThere = item.removed_at_us === null && item.trashed_at_us === null;
  return isThere && (item.kind === "image" || item.kind === "array") && shape.length >= 2 && shape.every((size) => size > 0) && !dtype.startsWith("complex");
}

function Picture({ item }: { item: Schemas["Item"] }) {
  const { with: other = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const beside = useQuery({ ...itemQuery(other), enabled: other !== "" });
  const compare = (id: string) => void navigate({ search: { with: id || undefined }, replace: true });
  return (
    <div className="grid min-w-0 content-start gap-4">
      <Suspense fallback={<Thumbnail item={item} size={256} />}>
        <Viewer item={item} beside={beside.data && isSeen(beside.data) ? beside.data : undefined} />
      </Suspense>
      {item.kind === "image" && (
        <div className="grid max-w-md gap-1">
          <label htmlFor="compare" className="text-sm font-medium">
            Compare with
          </label>
          <ItemField id="compare" port={COMPARED} value={other} describedBy={undefined} isWrong={beside.error !== null} onChange={compare} />
        </div>
      )}
    </div>
  );
}

function Facts({ item }: { item: Schemas["Item"] }) {
  const meta = item.meta as Meta;
  const rows: [string, React.ReactNode][] = [["what", what(item)]];
  if (meta.axes && meta.shape) {
    const steps = meta.axes.map((axis, at) => {
      const step = own(meta.scale, axis);
      return `${axis} ${meta.shape![at]}${step ? ` (every ${Number(step.toPrecision(4))} ${symbol(own(meta.units, axis))})` : ""}`;
    });
    rows.push(["axes", steps.join(", ")]);
  }
  if (meta.channels?.length) rows.push(["channels", meta.channels.map((channel) => channel.name).join(", ")]);
  if (meta.columns) rows.push(["columns", few(meta.columns.map((column) => `${column.name} (${column.type})`))]);
  if (meta.origin) rows.push(["read from", `${meta.origin.name}, ${size(meta.origin.size_bytes)}`]);
  rows.push(["of", item.person.name], ["seen by", <SeenBy key="seen" item={item} />]);
  rows.push(["made", `${moment(item.created_at_us)}, by ${item.app}`]);
  if (item.task) {
    rows.push([
      "in the call",
      <Link key="task" to="/tasks/$id" params={{ id: item.task }}>
        {item.task}
      </Link>,
    ]);
  }
  rows.push(["takes", `${size(item.size_bytes)} in ${item.objects} object${item.objects === 1 ? "" : "s"}`]);
  return (
    <dl className="m-0 grid grid-cols-[auto_1fr] gap-x-4 gap-y-1">
      {rows.map(([name, text]) => (
        <div key={name} className="contents">
          <dt className="text-soft">{name}</dt>
          <dd className="m-0 min-w-0 break-words">{text}</dd>
        </div>
      ))}
    </dl>
  );
}

const few = (names: string[]): string => names.slice(0, 12).join(", ") + (names.length > 12 ? ` and ${names.length - 12} more` : "");

interface TagsProps {
  item: Schemas["Item"];
  busy: boolean;
  put: (tag: string) => void;
  drop: (tag: string) => void;
}

function Tags({ item, busy, put, drop }: TagsProps) {
  const [text, setText] = useState("");
  const isFine = !/^\s*\.{0,2}\s*$/.test(text) && !text.includes("/");
  return (
    <form
      className="flex flex-wrap items-center gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        if (!isFine) return;
        put(text.trim());
        setText("");
      }}
    >
      {item.tags.map((tag) => (
        <span key={tag} className="chip">
          {tag}
          <button type="button" aria-label={`Take the tag ${tag} off`} disabled={busy} onClick={() => drop(tag)}>
            <X aria-hidden className="size-3" />
          </button>
        </span>
      ))}
      <label>
        <span className="sr-only">A new tag</span>
        <input className="field w-36 py-1 text-sm" placeholder="Add a tag" maxLength={64} value={text} onChange={(event) => setText(event.target.value)} />
      </label>
      <button type="submit" className="button py-1" disabled={!isFine || busy}>
        Add
      </button>
    </form>
  );
}
