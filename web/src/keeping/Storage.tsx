/** What the team stores, what may be stored, and what lies in the trash. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { RefreshCw, RotateCcw } from "lucide-react";
import { type Schemas, ask, pathTo } from "../api/client";
import { items } from "../api/queries";
import { List } from "../list/List";
import { useList } from "../list/useList";
import { Empty, Failure, Loading, Title } from "../ui/parts";
import { ago, size } from "../ui/words";
import { Thumbnail, whatAndSize } from "../values/Thumbnail";
import { Section } from "./parts";
import { usage } from "./queries";
import { many } from "./words";

type Share = Schemas["Share"];
const KINDS = { image: "Images", array: "Arrays", table: "Tables", file: "Files" };
const ROW = 72;

export function Storage() {
  const found = useQuery(usage);
  return (
    <div className="grid gap-8">
      <div>
        <Title
          beside={
            <button type="button" className="button" disabled={found.isFetching} onClick={() => void found.refetch()}>
              <RefreshCw aria-hidden className="size-4" /> Count again
            </button>
          }
        >
          Storage
        </Title>
        {found.data ? <Used usage={found.data} /> : found.error ? <Failure error={found.error} again={() => void found.refetch()} /> : <Loading rows={3} label="Counting what is stored" />}
      </div>
      <Trash days={found.data?.trash_days} />
    </div>
  );
}

function Used({ usage }: { usage: Schemas["Usage"] }) {
  const kept = usage.shares.filter((share) => !share.is_trashed);
  const total = sum(usage.shares);
  const limit = usage.limit_bytes;
  return (
    <div className="grid gap-6">
      <dl className="m-0 grid gap-3 sm:grid-cols-3">
        <Figure name={usage.is_of_team ? "The team stores" : "You store"} text={size(total)} more={`${many(usage.shares.reduce((count, share) => count + share.items, 0), "item")}, counted ${ago(usage.counted_at_us)}`} />
        <Figure name="In the trash" text={size(total - sum(kept))} more="is counted as well" />
        <Figure
          name="The limit"
          text={limit === null ? "none" : size(limit)}
          more={usage.hub_bytes === null ? "for all teams of the hub" : `${size(usage.hub_bytes)} of it in use when all teams were last counted`}
        />
      </dl>
      {kept.length === 0 ? (
        <Empty title="Nothing is stored yet">What functions give under a name, and files that are brought in, are counted here.</Empty>
      ) : (
        <div className="grid gap-6 md:grid-cols-2">
          <Bars title="By kind" rows={grouped(kept, (share) => KINDS[share.kind])} />
          {usage.is_of_team && <Bars title="By person" rows={grouped(kept, (share) => share.person.name || "somebody who has left", (share) => share.person.id)} />}
        </div>
      )}
    </div>
  );
}

const sum = (shares: Share[]): number => shares.reduce((bytes, share) => bytes + share.size_bytes, 0);

interface Bar {
  key: string;
  name: string;
  bytes: number;
  items: number;
}

function grouped(shares: Share[], name: (share: Share) => string, key: (share: Share) => string = name): Bar[] {
  const found = new Map<string, Bar>();
  for (const share of shares) {
    const bar = found.get(key(share)) ?? { key: key(share), name: name(share), bytes: 0, items: 0 };
    found.set(bar.key, { ...bar, bytes: bar.bytes + share.size_bytes, items: bar.items + share.items });
  }
  return [...found.values()].sort((a, b) => b.bytes - a.bytes);
}

function Figure({ name, text, more }: { name: string; text: string; more: string }) {
  return (
    <div className="panel px-4 py-3">
      <dt className="quiet">{name}</dt>
      <dd className="m-0">
        <span className="block text-2xl font-semibold tabular-nums">{text}</span>
        <span className="quiet">{more}</span>
      </dd>
    </div>
  );
}

function Bars({ title, rows }: { title: string; rows: Bar[] }) {
  const most = Math.max(1, ...rows.map((row) => row.bytes));
  return (
    <section aria-label={title}>
      <h2 className="m-0 mb-2 text-sm font-semibold">{title}</h2>
      <ul className="m-0 grid list-none gap-2 p-0">
        {rows.map((row) => (
          <li key={row.key}>
            <div className="flex justify-between gap-3 text-sm">
              <span className="min-w-0 truncate">{row.name}</span>
              <span className="whitespace-nowrap tabular-nums text-soft">
                {size(row.bytes)}, {many(row.items, "item")}
              </span>
            </div>
            <div aria-hidden className="mt-1 h-2 overflow-hidden rounded-full bg-line">
              <div className="h-full rounded-full bg-accent" style={{ width: `${(100 * row.bytes) / most}%` }} />
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Trash({ days }: { days: number | undefined }) {
  const listed = useList(items({ trashed: true }));
  return (
    <Section title="The trash">
      {days !== undefined && <p className="quiet m-0">What lies here goes {many(days, "day")} after it was thrown away, and can be restored until then.</p>}
      <List listed={listed} height={ROW} label="The trash" keyOf={(row) => row.id} render={(row) => <Trashed item={row} />} nothing={<p className="quiet m-0">The trash is empty.</p>} />
    </Section>
  );
}

function Trashed({ item }: { item: Schemas["Item"] }) {
  const client = useQueryClient();
  const restore = useMutation({
    mutationFn: () => ask("POST", pathTo`/api/items/${item.id}/restore`),
    onSettled: () => Promise.all(["items", "item", "usage"].map((key) => client.invalidateQueries({ queryKey: [key] }))),
  });
  return (
    <div className="panel flex h-full items-center gap-3 px-3">
      <Thumbnail item={item} size={40} />
      <Link to="/data/$id" params={{ id: item.id }} className="min-w-0 flex-1 text-ink no-underline hover:underline">
        <span className="block truncate font-medium">{item.name}</span>
        <span className={`block truncate text-sm ${restore.error ? "text-bad" : "text-soft"}`}>
          {restore.error ? restore.error.message : `${whatAndSize(item)}, of ${item.person.name}, thrown away ${ago(item.trashed_at_us ?? 0)}`}
        </span>
      </Link>
      <button type="button" className="button" aria-label={`Restore ${item.name}`} disabled={restore.isPending} onClick={() => restore.mutate()}>
        <RotateCcw aria-hidden className="size-4" /> Restore
      </button>
    </div>
  );
}
