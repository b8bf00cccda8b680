/** Reads a dropped file: an image plane by plane into OME-Zarr, anything else only for its hash. It has no network. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { statsOf } from "../image/stats";
import { AHEAD, type Begin, type Meta, type Said } from "./messages";
import { type Opened, type Pixels, open } from "./pictures";
import { type Layout, LevelWriter, halved, layouts } from "./pyramid";

const STEP_BYTES = 4 * 2 ** 20;
const THUMBNAIL = 256;
const PALETTE = ["FF00FF", "00FF00", "00FFFF", "FFFF00", "FF0000", "0000FF", "FF8000", "FFFFFF"];
const WIDTHS: Record<string, number> = { uint8: 1, int8: 1, uint16: 2, int16: 2, uint32: 4, int32: 4, float32: 4, float64: 8 };

const say = (said: Said): void => postMessage(said);
let room = AHEAD;
let waiting: (() => void) | null = null;

onmessage = ({ data }: MessageEvent<Begin | "sent">) => {
  if (data === "sent") {
    room += 1;
    waiting?.();
    return;
  }
  run(data).catch((error: unknown) => say({ is: "problem", problem: error instanceof Error ? error.message : "It can't be read." }));
};

async function emit(path: string, body: Blob): Promise<void> {
  while (room === 0) await new Promise<void>((go) => (waiting = go));
  room -= 1;
  say({ is: "object", path, body });
}

async function run({ file, as, name }: Begin): Promise<void> {
  if (as === "file") {
    say({ is: "file", sha256: await hash(file, (part) => say({ is: "read", part })) });
    return;
  }
  const opened = await open(file);
  const digest = await hash(file, (part) => say({ is: "read", part: part / 10 }));
  const meta = await store(opened, name, { name: file.name, sha256: digest, size_bytes: file.size });
  say({ is: "image", meta });
}

async function hash(file: File, onRead: (part: number) => void): Promise<string> {
  const found = sha256.create();
  for (let from = 0; from < file.size; from += STEP_BYTES) {
    found.update(new Uint8Array(await file.slice(from, from + STEP_BYTES).arrayBuffer()));
    onRead(Math.min(1, (from + STEP_BYTES) / file.size));
  }
  return bytesToHex(found.digest());
}

async function store(opened: Opened, name: string, origin: Meta["origin"]): Promise<Meta> {
  const { axes, shape, dtype } = opened;
  const levels = layouts(shape, WIDTHS[dtype]!);
  const writers = levels.map((layout, level) => new LevelWriter(String(level), layout, emit));
  const count = shape.slice(0, -2).reduce((all, size) => all * size, 1);
  const channelCount = axes.includes("c") ? shape[axes.indexOf("c")]! : 1;
  const seen: (Pixels | undefined)[] = Array.from({ length: channelCount });
  for (let number = 0; number < count; number += 1) {
    let plane = await opened.plane(number);
    for (const [level, writer] of writers.entries()) {
      const [height, width] = levels[level]!.shape.slice(-2) as [number, number];
      await writer.put(number, plane);
      if (level + 1 < writers.length) plane = halved(plane, width, height);
    }
    const at = placeOf(number, axes, shape);
    if ((at.t ?? 0) === 0 && (at.z ?? 0) === (sizeOf("z", axes, shape) >> 1)) seen[at.c ?? 0] = plane.slice() as Pixels;
    say({ is: "read", part: 0.1 + (0.9 * (number + 1)) / count });
  }
  const channels = seen.map((plane, at) => {
    const said = opened.channels[at];
    const { low, high, window } = statsOf(plane!);
    return { name: said?.name ?? (channelCount > 1 ? `channel ${at + 1}` : "brightness"), color: said?.color ?? (channelCount === 1 ? "FFFFFF" : PALETTE[at % PALETTE.length]!), window: [low, high, ...window] as [number, number, number, number] };
  });
  for (const [level, layout] of levels.entries()) await emit(`${level}/zarr.json`, json(arrayJson(layout, dtype, axes)));
  const [tall, wide] = levels.at(-1)!.shape.slice(-2) as [number, number];
  const picture = await thumbnail(seen as Pixels[], channels, wide, tall);
  if (picture) await emit("thumbnail.png", picture);
  const meta: Meta = { axes, shape, dtype, scale: opened.scale, units: opened.units, channels, chunks: levels[0]!.chunks, shards: levels[0]!.shards, levels: levels.length, role: "intensity", origin };
  await emit("zarr.json", json(groupJson(meta, name, levels.length)));
  return meta;
}

const sizeOf = (axis: string, axes: string[], shape: number[]): number => (axes.includes(axis) ? shape[axes.indexOf(axis)]! : 1);

function placeOf(number: number, axes: string[], shape: number[]): Record<string, number> {
  const at: Record<string, number> = {};
  let left = number;
  for (let axis = axes.length - 3; axis >= 0; axis -= 1) {
    at[axes[axis]!] = left % shape[axis]!;
    left = Math.floor(left / shape[axis]!);
  }
  return at;
}

const json = (value: unknown): Blob => new Blob([JSON.stringify(value)], { type: "application/json" });

function arrayJson({ shape, chunks, shards }: Layout, dtype: string, axes: string[]): object {
  const bytes = { name: "bytes", configuration: { endian: "little" } };
  const sharding = {
    name: "sharding_indexed",
    configuration: { chunk_shape: chunks, codecs: [bytes, { name: "gzip", configuration: { level: 6 } }], index_codecs: [bytes, { name: "crc32c" }], index_location: "end" },
  };
  return {
    zarr_format: 3,
    node_type: "array",
    shape,
    data_type: dtype,
    chunk_grid: { name: "regular", configuration: { chunk_shape: shards } },
    chunk_key_encoding: { name: "default", configuration: { separator: "/" } },
    fill_value: 0,
    codecs: [sharding],
    dimension_names: axes,
    attributes: {},
    storage_transformers: [],
  };
}

/** Describe the image as OME-NGFF 0.5 does. Source: https://ngff.openmicroscopy.org/0.5/ */
function groupJson({ axes, scale, units, channels, shape }: Meta, name: string, levels: number): object {
  const types: Record<string, string> = { t: "time", c: "channel" };
  const datasets = Array.from({ length: levels }, (_, level) => {
    const factor = (axis: string): number => (axis === "y" || axis === "x" ? 2 ** level : 1);
    const steps = axes.map((axis) => (scale[axis] ?? 1) * factor(axis));
    const moved = axes.map((axis) => ((scale[axis] ?? 1) * (factor(axis) - 1)) / 2);
    return { path: String(level), coordinateTransformations: [{ type: "scale", scale: steps }, ...(level > 0 ? [{ type: "translation", translation: moved }] : [])] };
  });
  const multiscale = { name, axes: axes.map((axis) => ({ name: axis, type: types[axis] ?? "space", ...(units[axis] ? { unit: units[axis] } : {}) })), datasets, type: "mean", metadata: { method: "mean of 2x2 in y and x" } };
  const omero = {
    version: "0.5",
    name,
    channels: channels.map(({ name: label, color, window }) => ({ label, color, active: true, coefficient: 1, family: "linear", inverted: false, window: window && { min: window[0], max: window[1], start: window[2], end: window[3] } })),
    rdefs: { model: channels.length > 1 ? "color" : "greyscale", defaultZ: sizeOf("z", axes, shape) >> 1 },
  };
  return { zarr_format: 3, node_type: "group", attributes: { ome: { version: "0.5", multiscales: [multiscale], omero } } };
}

/** Draw all channels in their colours, each between the two values that its window says. */
async function thumbnail(planes: Pixels[], channels: Meta["channels"], width: number, height: number): Promise<Blob | null> {
  const scale = Math.min(1, THUMBNAIL / Math.max(width, height));
  const [wide, tall] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
  const context = new OffscreenCanvas(wide, tall).getContext("2d");
  if (!context) return null;
  const image = context.createImageData(wide, tall);
  for (let y = 0; y < tall; y += 1) {
    for (let x = 0; x < wide; x += 1) {
      const from = Math.floor(y / scale) * width + Math.floor(x / scale);
      const to = (y * wide + x) * 4;
      image.data[to + 3] = 255;
      for (const [at, { color = "FFFFFF", window, name }] of channels.entries()) {
        if (name === "alpha" || !window) continue;
        const part = Math.max(0, Math.min(1, (planes[at]![from]! - window[2]) / (window[3] - window[2] || 1))) || 0;
        for (const byte of [0, 1, 2]) image.data[to + byte]! += part * parseInt(color.slice(byte * 2, byte * 2 + 2), 16);
      }
    }
  }
  context.putImageData(image, 0, 0);
  return context.canvas.convertToBlob({ type: "image/png" });
}
