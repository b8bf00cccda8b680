/** Looking at images: planes of any number of axes, channels with contrast and colour, what belongs to them, two side by side. */
import { useQueries, useQuery } from "@tanstack/react-query";
import { useCallback, useMemo, useState } from "react";
import type { Schemas } from "../api/client";
import { children as childrenOf } from "./queries";
import { Failure } from "../ui/parts";
import { Channel } from "./Channel";
import { type Overlay, Pane } from "./Pane";
import { Slider } from "./Slider";
import { readRois } from "./overlays";
import { type ImageMeta, type Level, type Selection, openLevels } from "./pyramid";
import { MOST_LISTED, useChannels } from "./useChannels";
import type { View } from "./view";
import { own } from "../named";

export function Viewer({ item, beside }: { item: Schemas["Item"]; beside?: Schemas["Item"] | undefined }) {
  const [view, setView] = useState<View | null>(null);
  const [selection, setSelection] = useState<Selection>(() => middle(item.meta as unknown as ImageMeta));
  const shared = { view, onView: setView, selection, onSelection: setSelection };
  if (!beside) return <One key={item.id} item={item} {...shared} />;
  return (
    <div className="grid gap-4 lg:grid-cols-2">
      <One item={item} {...shared} />
      <One item={beside} {...shared} />
    </div>
  );
}

interface Shared {
  item: Schemas["Item"];
  view: View | null;
  onView: (view: View) => void;
  selection: Selection;
  onSelection: (change: (old: Selection) => Selection) => void;
}

function One(props: Shared) {
  const found = useQuery({ queryKey: ["levels", props.item.id], queryFn: () => openLevels(props.item), staleTime: Infinity, gcTime: 60_000, retry: 1 });
  if (found.data) return <Opened levels={found.data} {...props} />;
  if (found.error) return <Failure error={found.error} again={() => void found.refetch()} />;
  return <div role="status" aria-label="Opening the image" className="panel h-[min(70dvh,40rem)] min-h-72 animate-pulse motion-reduce:animate-none" />;
}

function Opened({ item, levels, view, onView, selection, onSelection }: Shared & { levels: Level[] }) {
  const meta = item.meta as unknown as ImageMeta;
  const { channels, stats, error, change } = useChannels(meta, levels.at(-1)!, selection);
  const { overlays, choices, opacity, setOpacity } = useOverlays(item);
  const others = meta.axes.slice(0, -2).flatMap((axis, at) => (axis !== "c" && meta.shape[at]! > 1 ? [{ axis, size: meta.shape[at]! }] : []));
  const isLabels = meta.role === "labels";
  return (
    <section aria-label={`Picture of ${item.name}`} className="grid min-w-0 content-start gap-3">
      {error !== null && <Failure error={error} />}
      <Pane name={item.name} meta={meta} levels={levels} channels={channels} selection={selection} overlays={overlays} opacity={opacity} view={view} onView={onView} />
      {others.map(({ axis, size }) => (
        <AxisSlider key={axis} axis={axis} size={size} meta={meta} selection={selection} onSelection={onSelection} />
      ))}
      <div className="grid gap-4 sm:grid-cols-2">
        {!isLabels && channels.map((channel, at) => <Channel key={at} channel={channel} stats={stats[at]} isWhole={!meta.dtype.startsWith("float")} onChange={(changed) => change(at, changed)} />)}
      </div>
      {meta.axes.includes("c") && meta.shape[meta.axes.indexOf("c")]! > MOST_LISTED && <p className="quiet m-0">Only the first {MOST_LISTED} channels are listed.</p>}
      {choices.length > 0 && (
        <fieldset className="m-0 grid gap-1.5 border-0 p-0">
          <legend className="mb-1 p-0 text-sm font-semibold">On top</legend>
          {choices.map(({ child, isOn, toggle, error: failed }) => (
            <label key={child.id} className="flex min-h-6 items-center gap-2 text-sm">
              <input type="checkbox" className="size-4 accent-accent" checked={isOn} onChange={toggle} />
              <span className="truncate">{child.name}</span>
              <span className="quiet">{failed ? failed.message : child.kind === "image" ? "labels" : "regions"}</span>
            </label>
          ))}
          <label className="flex items-center gap-2 text-sm">
            How strongly labels cover <input type="range" className="min-h-6 w-40 accent-accent" min={0.1} max={1} step={0.05} value={opacity} onChange={(event) => setOpacity(Number(event.target.value))} />
          </label>
        </fieldset>
      )}
    </section>
  );
}

function AxisSlider({ axis, size, meta, selection, onSelection }: { axis: string; size: number; meta: ImageMeta } & Pick<Shared, "selection" | "onSelection">) {
  const set = useCallback((at: number) => onSelection((old) => ({ ...old, [axis]: at })), [axis, onSelection]);
  return <Slider axis={axis} size={size} at={Math.min(size - 1, selection[axis] ?? 0)} step={own(meta.scale, axis)} unit={own(meta.units, axis)} onChange={set} />;
}

/** What is attached to an image and can be drawn over it; each is read once it is switched on. */
function useOverlays(item: Schemas["Item"]) {
  const [on, setOn] = useState<ReadonlySet<string>>(new Set());
  const [opacity, setOpacity] = useState(0.5);
  const attached = useQuery({ ...childrenOf(item.id), enabled: item.kind === "image" });
  const fitting = (attached.data?.items ?? []).filter((child) => (child.meta as { role?: string }).role === (child.kind === "image" ? "labels" : "rois") && child.trashed_at_us === null);
  const read = useQueries({
    queries: fitting.map((child) => ({
      queryKey: ["overlay", child.id],
      queryFn: async (): Promise<Overlay> => (child.kind === "image" ? { id: child.id, levels: await openLevels(child) } : { id: child.id, rois: await readRois(child) }),
      enabled: on.has(child.id),
      staleTime: Infinity,
      retry: 1,
    })),
  });
  const drawn = read.flatMap((one) => (one.data && on.has(one.data.id) ? [one.data] : []));
  const overlays = useMemo(() => drawn, [drawn.map((one) => one.id).join()]);
  const toggle = (id: string) => setOn((old) => (old.has(id) ? new Set([...old].filter((one) => one !== id)) : new Set(old).add(id)));
  return { overlays, choices: fitting.map((child, at) => ({ child, isOn: on.has(child.id), toggle: () => toggle(child.id), error: read[at]?.error ?? null })), opacity, setOpacity };
}

/** Begin in the middle of a stack, where most is to be seen, and at the first time. */
function middle(meta: ImageMeta): Selection {
  return Object.fromEntries(meta.axes.slice(0, -2).map((axis, at) => [axis, axis === "z" ? meta.shape[at]! >> 1 : 0]));
}
