/** One image on the screen: drawn by the graphics card from the tiles that are seen, with what belongs to it on top. */
import { OrthographicView } from "@deck.gl/core";
import DeckGL from "@deck.gl/react";
import { ColorPaletteExtension } from "@vivjs/extensions";
import { ImageLayer, MultiscaleImageLayer } from "@vivjs/layers";
import { Maximize, Minus, Plus } from "lucide-react";
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import type { Shown } from "./Channel";
import { type Roi, labelLayer, roiLayers } from "./overlays";
import { type ImageMeta, type Level, type Selection, TILE } from "./pyramid";
import { type Box, type View, fit, moved, scaleBar, zoomed } from "./view";

const FRAME = new OrthographicView({ id: "frame", flipY: true });
const EXTENSIONS = [new ColorPaletteExtension()];
const [ARROW, KEY_ZOOM] = [60, 0.5];

export interface Overlay {
  id: string;
  levels?: Level[];
  rois?: Roi[];
}

interface Props {
  name: string;
  meta: ImageMeta;
  levels: Level[];
  channels: Shown[];
  selection: Selection;
  overlays: Overlay[];
  opacity: number;
  view: View | null;
  onView: (view: View) => void;
}

export function Pane({ name, meta, levels, channels, selection, overlays, opacity, view, onView }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [frame, setFrame] = useState<Box | null>(null);
  const [under, setUnder] = useState<string>("");
  const full = levels[0]!;
  useEffect(() => {
    const watch = new ResizeObserver(([seen]) => seen && setFrame({ width: seen.contentRect.width, height: seen.contentRect.height }));
    watch.observe(box.current!);
    return () => watch.disconnect();
  }, []);
  const fitted = useRef<View | null>(null); // what shows all of it goes on doing so when the frame changes
  useEffect(() => {
    if (!frame || frame.width === 0 || (view !== null && view !== fitted.current)) return;
    const whole = fit(full, frame);
    if (view !== null && view.zoom === whole.zoom) return;
    fitted.current = whole;
    onView(whole);
  }, [frame, view, full, onView]);
  const isLabels = meta.role === "labels";
  const shown = channels.flatMap((channel, at) => (channel.isOn && !Number.isNaN(channel.window[0]) ? [{ ...channel, at }] : []));
  const where = JSON.stringify(selection);
  const chosen = shown.map((one) => one.at).join();
  const selections = useMemo(() => shown.map((one) => ({ ...selection, c: one.at })), [where, chosen]);
  const layers = useMemo(() => {
    const drawn = [];
    if (isLabels) drawn.push(labelLayer("image", levels, selection, 1));
    else if (shown.length > 0) {
      const look = {
        selections,
        contrastLimits: shown.map((one) => one.window),
        channelsVisible: shown.map(() => true),
        colors: shown.map((one) => rgb(one.color)),
        extensions: EXTENSIONS,
      };
      const isSmall = levels.length === 1 && Math.max(full.width, full.height) <= 2 * TILE;
      const Layer = (isSmall ? ImageLayer : MultiscaleImageLayer) as unknown as new (props: object) => never;
      drawn.push(new Layer({ id: "image", loader: isSmall ? full : levels, excludeBackground: levels.length === 1, ...look }));
    }
    for (const overlay of overlays) {
      if (overlay.levels) drawn.push(labelLayer(overlay.id, overlay.levels, selection, opacity));
      if (overlay.rois) drawn.push(...roiLayers(overlay.id, overlay.rois, selection, shown.map((one) => one.at)));
    }
    return drawn;
  }, [levels, selections, JSON.stringify(shown), overlays, opacity]);
  const read = (at: number[] | undefined) => {
    if (!at) return setUnder("");
    const [x, y] = [Math.floor(at[0]!), Math.floor(at[1]!)];
    if (x < 0 || y < 0 || x >= full.width || y >= full.height) return setUnder("");
    const values = (isLabels ? [{ at: 0 }] : shown).map((one) => valueAt(levels, { ...selection, c: one.at }, y, x));
    setUnder(`x ${x}, y ${y}: ${values.map((value) => value ?? "…").join(", ")}`);
  };
  const go = (by: number) => frame && view && onView(zoomed(view, by, full, frame));
  const onKeyDown = (event: KeyboardEvent) => {
    const arrows: Record<string, [number, number]> = { ArrowLeft: [-ARROW, 0], ArrowRight: [ARROW, 0], ArrowUp: [0, -ARROW], ArrowDown: [0, ARROW] };
    const arrow = arrows[event.key];
    if (arrow && view) onView(moved(view, ...arrow));
    else if (event.key === "+" || event.key === "=") go(KEY_ZOOM);
    else if (event.key === "-") go(-KEY_ZOOM);
    else if (event.key === "0" && frame) onView(fit(full, frame));
    else return;
    event.preventDefault();
  };
  const bar = view ? scaleBar(view, meta.scale?.x, meta.units?.x) : null;
  return (
    <div
      ref={box}
      role="application"
      aria-label={`${name}: arrow keys move, plus and minus zoom, 0 shows all of it`}
      tabIndex={0}
      data-zoom={view?.zoom.toFixed(2)}
      className="relative h-[min(70dvh,40rem)] min-h-72 touch-none overflow-hidden rounded-lg bg-black"
      onKeyDown={onKeyDown}
    >
      {view && frame && (
        <DeckGL
          views={FRAME}
          viewState={{ ...view, target: [...view.target, 0] } as never}
          controller={{ doubleClickZoom: true, keyboard: false, inertia: false }}
          layers={layers}
          onViewStateChange={({ viewState }) => {
            const { target, zoom } = viewState as unknown as { target: [number, number]; zoom: number };
            onView(zoomed({ target: [target[0], target[1]], zoom }, 0, full, frame));
          }}
          onHover={({ coordinate }) => read(coordinate)}
          getCursor={({ isDragging }) => (isDragging ? "grabbing" : "crosshair")}
        />
      )}
      <div className="absolute right-2 top-2 grid gap-1">
        {([["Closer", Plus, () => go(1)], ["Further away", Minus, () => go(-1)], ["Show all of it", Maximize, () => frame && onView(fit(full, frame))]] as const).map(([label, Icon, act]) => (
          <button key={label} type="button" className="grid size-9 place-items-center rounded-md bg-black/60 text-white hover:bg-black" aria-label={label} title={label} onClick={act}>
            <Icon aria-hidden className="size-4" />
          </button>
        ))}
      </div>
      {bar && (
        <div className="pointer-events-none absolute bottom-2 left-3 text-xs text-white [text-shadow:0_0_3px_#000]">
          <div className="mb-0.5 h-1 bg-white shadow" style={{ width: bar.width }} />
          {bar.text}
        </div>
      )}
      <div className="pointer-events-none absolute bottom-2 right-3 max-w-[60%] truncate text-xs tabular-nums text-white [text-shadow:0_0_3px_#000]">{under}</div>
    </div>
  );
}

/** The value of a pixel of the full size, or of the finest level of which it is at hand. */
function valueAt(levels: Level[], selection: Selection, y: number, x: number): string | undefined {
  for (const [at, level] of levels.entries()) {
    const value = level.peek(selection, y >> at, x >> at);
    if (value !== undefined) return `${at > 0 ? "≈" : ""}${Number.isInteger(value) ? value : Number(value.toPrecision(6))}`;
  }
  return undefined;
}

const rgb = (color: string): [number, number, number] => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16)) as [number, number, number];
