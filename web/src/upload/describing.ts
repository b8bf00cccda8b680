/** What a TIFF says of its pages: as OME-XML, or as ImageJ writes it. The order of pages is the files', the order of axes ours. */
import { named } from "../named.ts";

export interface Described {
  sizes: [string, number][]; // of the axes along which pages lie, the last one fastest
  pages: number[]; // for every plane, in the order of these axes, the page that holds it
  scale: Record<string, number>;
  units: Record<string, string>;
  channels: { name: string; color?: string }[];
}

const UNITS = named<string>({ "µm": "micrometer", "μm": "micrometer", um: "micrometer", micron: "micrometer", microns: "micrometer", "\\u00B5m": "micrometer", nm: "nanometer", mm: "millimeter", cm: "centimeter", m: "meter", pm: "picometer", Å: "angstrom", s: "second", sec: "second", ms: "millisecond", "µs": "microsecond", min: "minute", h: "hour" });

/** Read OME-XML. Workers know no XML, and the few attributes that matter stand in plain tags, so these are looked for. */
export function describeOme(text: string, inAll: number): Described {
  if (/<!DOCTYPE|<!ENTITY/i.test(text)) throw new Error("Its OME-XML has entities of its own, which no microscope writes.");
  const pixels = attributes(/<(?:\w+:)?Pixels\b([^>]*)>/.exec(text)?.[1] ?? "");
  if ((text.match(/<(?:\w+:)?Pixels\b/g) ?? []).length > 1) throw new Error("It holds several images. Import it with arkitekt-next data import, which asks for one.");
  const files = new Set([...text.matchAll(/<(?:\w+:)?UUID\b[^>]*FileName="([^"]*)"/g)].map((found) => found[1]));
  if (files.size > 1) throw new Error("Its planes lie in several files. Import them with arkitekt-next data import.");
  const size = (axis: string) => whole(pixels[`Size${axis}`]);
  const inFile = (pixels.DimensionOrder ?? "XYZCT").slice(2).split("").reverse(); // the last one fastest
  const channels = [...text.matchAll(/<(?:\w+:)?Channel\b([^>]*)>/g)].map((found) => attributes(found[1]!));
  const samples = whole(channels[0]?.SamplesPerPixel);
  const sizes = inFile.map((axis): [string, number] => [axis.toLowerCase(), axis === "C" ? Math.max(1, size("C") / samples) : size(axis)]);
  const count = planesOf(sizes, inAll);
  const [scale, units]: [Record<string, number>, Record<string, string>] = [{}, {}];
  for (const [axis, name, unit] of [["x", "PhysicalSizeX", "PhysicalSizeXUnit"], ["y", "PhysicalSizeY", "PhysicalSizeYUnit"], ["z", "PhysicalSizeZ", "PhysicalSizeZUnit"], ["t", "TimeIncrement", "TimeIncrementUnit"]] as const) {
    const step = Number(pixels[name]);
    const known = UNITS[pixels[unit] ?? (axis === "t" ? "s" : "µm")];
    if (step > 0 && Number.isFinite(step) && known) [scale[axis], units[axis]] = [step, known];
  }
  return {
    sizes,
    pages: pagesOf(text, sizes, count),
    scale,
    units,
    channels: samples > 1 ? [] : channels.map((one, at) => ({ name: printable(one.Name, at), ...(one.Color === undefined ? {} : { color: omeColor(one.Color) }) })),
  };
}

/** Count the planes that sizes stand for. Raises for more than there are pages, before any of them is made room for. */
function planesOf(sizes: [string, number][], pages: number): number {
  const count = sizes.reduce((all, [, size]) => all * size, 1);
  if (count > pages) throw new Error(`It says that it has ${count} planes, and has ${pages} pages. Import it with arkitekt-next data import, which says more.`);
  return count;
}

/** Where planes lie is said by `TiffData`: from which plane on, on which page, for how many. */
function pagesOf(text: string, sizes: [string, number][], count: number): number[] {
  const pages = Array.from({ length: count }, (_, page) => page);
  for (const found of text.matchAll(/<(?:\w+:)?TiffData\b([^>]*)>/g)) {
    const said = attributes(found[1]!);
    const number = (name: string): number => Math.max(0, Math.trunc(Number(said[name] ?? 0)) || 0);
    const from = sizes.reduce((all, [axis, size]) => all * size + Math.min(size - 1, number(`First${axis.toUpperCase()}`)), 0);
    const planes = said.PlaneCount === undefined ? (said.IFD === undefined ? count : 1) : number("PlaneCount");
    for (let at = 0; at < planes && from + at < count; at += 1) pages[from + at] = number("IFD") + at;
  }
  return pages;
}

/** The colours that ImageJ gives to channels without a lookup table, in its order. */
const COMPOSITE = ["FF0000", "00FF00", "0000FF", "FFFFFF", "00FFFF", "FF00FF", "FFFF00"];

/** Read the lines that ImageJ writes: pages lie along channels, then slices, then frames, channels fastest. */
export function describeImageJ(text: string, pages: number, samples: number, steps: { x: number | undefined; y: number | undefined }): Described {
  const said = Object.fromEntries(text.split("\n").map((line) => [line.split("=", 1)[0]!, line.slice(line.indexOf("=") + 1).trim()]));
  const channels = whole(said.channels);
  const onPages = channels === samples ? 1 : channels; // a composite of 3 channels may be the colours of one page
  const sizes: [string, number][] = [["t", whole(said.frames)], ["z", whole(said.slices)], ["c", onPages]];
  const count = planesOf(sizes, pages);
  const [scale, units]: [Record<string, number>, Record<string, string>] = [{}, {}];
  const unit = UNITS[said.unit ?? ""];
  for (const axis of ["x", "y"] as const) if (unit && steps[axis]) [scale[axis], units[axis]] = [steps[axis], unit];
  if (unit && Number(said.spacing) > 0) [scale.z, units.z] = [Number(said.spacing), unit];
  if (Number(said.finterval) > 0) [scale.t, units.t] = [Number(said.finterval), "second"];
  const isPlain = count !== pages && count === 1;
  return { sizes: isPlain ? [["z", pages]] : sizes, pages: Array.from({ length: isPlain ? pages : count }, (_, page) => page), scale, units, channels: channels > 1 ? Array.from({ length: channels }, (_, at) => ({ name: `channel ${at + 1}`, color: COMPOSITE[at % COMPOSITE.length]! })) : [] };
}

function attributes(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/([\w:]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)].map((found) => [found[1]!, unescaped(found[2] ?? found[3] ?? "")]));
}

const NAMED = named<string>({ amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" });
const unescaped = (text: string): string => text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(\w+));/gi, (all, hex: string | undefined, digits: string | undefined, name: string | undefined) => (name ? (NAMED[name] ?? all) : character(hex ? parseInt(hex, 16) : Number(digits))));
const character = (code: number): string => (code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : "");

const whole = (text: string | undefined): number => {
  const found = Number(text ?? 1);
  return Number.isInteger(found) && found > 0 && found < 2 ** 31 ? found : 1;
};

const printable = (name: string | undefined, at: number): string => (name ?? "").replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "").trim().slice(0, 255) || `channel ${at + 1}`;

/** OME keeps a colour as a signed number, red first and how opaque it is last. */
const omeColor = (text: string): string => (Number(text) >>> 8).toString(16).padStart(6, "0").toUpperCase();
