/** What belongs to an image and is drawn over it: label images, and regions, which are tables. */
import { PolygonLayer, ScatterplotLayer, BitmapLayer, PathLayer } from "@deck.gl/layers";
import { TileLayer } from "@deck.gl/geo-layers";
import type { Schemas } from "../api/client";
import { type Level, type Plane, type Selection, TILE } from "./pyramid";
import { ItemStore } from "../api/stored";
import type { Regions } from "./regions.worker";

const ROIS_LIMIT_BYTES = 64 * 2 ** 20;
const LONGEST_MS = 20_000;
const ELLIPSE_STEPS = 48;

export interface Roi {
  shape: string;
  points: [number, number][]; // x, y in pixels of the full size, where (0, 0) is the corner of the first one
  label: string;
  at: Partial<Record<"t" | "c" | "z", number>>;
}

/** Read regions. Their points say (y, x) from the middle of the first pixel; what is no region is left out. */
export async function readRois(item: Schemas["Item"]): Promise<Roi[]> {
  if (item.size_bytes > ROIS_LIMIT_BYTES) throw new Error("These regions are too many for a browser.");
  const data = await new ItemStore(item.id).get("/table.parquet");
  if (!data) return [];
  const worker = new Worker(new URL("./regions.worker.ts", import.meta.url), { type: "module" });
  return new Promise<Roi[]>((resolve, reject) => {
    setTimeout(() => reject(new Error("These regions take too long to be read.")), LONGEST_MS);
    worker.onerror = () => reject(new Error("These regions could not be read."));
    worker.onmessage = ({ data: found }: MessageEvent<Regions>) => ("problem" in found ? reject(new Error(found.problem)) : resolve(found.rois));
    worker.postMessage(data.buffer, [data.buffer]);
  }).finally(() => worker.terminate());
}

/** Give the line around a region; null for a point. */
export function outline({ shape, points }: Roi): [number, number][] | null {
  if (shape === "point") return null;
  if ((shape !== "rectangle" && shape !== "ellipse") || points.length < 2) return points;
  const [[x0, y0], [x1, y1]] = points as [[number, number], [number, number]];
  if (shape === "rectangle") return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
  return Array.from({ length: ELLIPSE_STEPS }, (_, step) => {
    const angle = (2 * Math.PI * step) / ELLIPSE_STEPS;
    return [(x0 + x1) / 2 + (Math.cos(angle) * (x1 - x0)) / 2, (y0 + y1) / 2 + (Math.sin(angle) * (y1 - y0)) / 2];
  });
}

export function roiLayers(id: string, rois: Roi[], selection: Selection, channels: number[]) {
  const seen = rois.filter(({ at }) => (["t", "z"] as const).every((axis) => at[axis] === undefined || at[axis] === (selection[axis] ?? 0)) && (at.c === undefined || channels.includes(at.c)));
  const color: [number, number, number, number] = [255, 214, 10, 255];
  const isOpen = (roi: Roi) => roi.shape === "line" || roi.shape === "path";
  return [
    new PolygonLayer<Roi>({ id: `${id}-closed`, data: seen.filter((roi) => !isOpen(roi) && roi.shape !== "point"), getPolygon: (roi) => outline(roi)!, filled: false, getLineColor: color, lineWidthUnits: "pixels", getLineWidth: 1.5 }),
    new PathLayer<Roi>({ id: `${id}-open`, data: seen.filter(isOpen), getPath: (roi) => roi.points, getColor: color, widthUnits: "pixels", getWidth: 1.5 }),
    new ScatterplotLayer<Roi>({ id: `${id}-points`, data: seen.filter((roi) => roi.shape === "point"), getPosition: (roi) => roi.points[0]!, getFillColor: color, radiusUnits: "pixels", getRadius: 4 }),
  ];
}

/** Draw a label image: every object in a colour of its own, what belongs to none is clear. */
export function labelLayer(id: string, levels: Level[], selection: Selection, opacity: number) {
  const full = levels[0]!;
  return new TileLayer<ImageData | null>({
    id,
    tileSize: TILE,
    minZoom: 1 - levels.length,
    maxZoom: 0,
    extent: [0, 0, full.width, full.height],
    opacity,
    refinementStrategy: "no-overlap",
    updateTriggers: { getTileData: [levels, JSON.stringify(selection)] },
    getTileData: async ({ index: { x, y, z } }) => {
      const level = levels[Math.min(levels.length - 1, Math.round(-z))]!;
      const [width, height] = [Math.min(TILE, level.width - x * TILE), Math.min(TILE, level.height - y * TILE)];
      return width > 0 && height > 0 ? painted(await level.plane(selection, y * TILE, x * TILE, height, width)) : null;
    },
    renderSubLayers: (props) => {
      const { x, y, z } = props.tile.index;
      if (!props.data) return null;
      const step = 2 ** Math.round(-z);
      const [left, top] = [x * TILE * step, y * TILE * step];
      const [right, bottom] = [Math.min(full.width, left + props.data.width * step), Math.min(full.height, top + props.data.height * step)];
      return new BitmapLayer({ id: props.id, opacity, image: props.data, bounds: [left, bottom, right, top], textureParameters: { minFilter: "nearest", magFilter: "nearest" } });
    },
  });
}

export function painted({ data, width, height }: Plane): ImageData {
  const made = new ImageData(width, height);
  const pixels = new Uint32Array(made.data.buffer);
  const colors = new Map<number, number>();
  for (let at = 0; at < pixels.length; at += 1) {
    const label = data[at]!;
    if (label === 0) continue;
    let color = colors.get(label);
    if (color === undefined) colors.set(label, (color = colorOf(label)));
    pixels[at] = color;
  }
  return made;
}

/** Give a bright colour to a number, the same each time; neighbours differ since the golden ratio leaves no two alike. */
export function colorOf(label: number): number {
  const hue = ((label * 0.618033988749895) % 1) * 6;
  const part = (shift: number): number => Math.round(255 * Math.min(1, Math.max(0, Math.abs(((hue + shift) % 6) - 3) - 1)) * 0.75 + 63);
  return ((255 << 24) | (part(4) << 16) | (part(2) << 8) | part(0)) >>> 0; // little-endian: alpha, blue, green, red
}
