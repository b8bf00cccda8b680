/** Reading picture files: which planes they hold, and what they say of them. What is read from are TIFF, PNG and what browsers draw. */
import { decode as decodePng } from "fast-png";
import { type GeoTIFF, type GeoTIFFImage, fromBlob } from "geotiff";
import { type Described, describeImageJ, describeOme } from "./describing";
import { isPng, isTiff } from "./kinds";

export type Pixels = Uint8Array | Uint16Array | Uint32Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;

/** An image whose planes are read one after the other, in the order of its axes. */
export interface Opened {
  axes: string[];
  shape: number[];
  dtype: string;
  scale: Record<string, number>;
  units: Record<string, string>;
  channels: { name: string; color?: string }[];
  plane: (number: number) => Promise<Pixels>;
}

const LIMIT_PIXELS = 2 ** 28; // of one plane, which is held at once
const RGB = [
  { name: "red", color: "FF0000" },
  { name: "green", color: "00FF00" },
  { name: "blue", color: "0000FF" },
  { name: "alpha" },
];

export function open(file: File): Promise<Opened> {
  if (isTiff(file.name)) return openTiff(file);
  return isPng(file.name) ? openPng(file) : openDrawn(file);
}

async function openTiff(file: File): Promise<Opened> {
  let tiff: GeoTIFF;
  let pages: number;
  try {
    tiff = await fromBlob(file);
    pages = await tiff.getImageCount();
  } catch (error) {
    throw new Error(`It is no TIFF that can be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  const first = await tiff.getImage(0);
  const [width, height, samples] = [first.getWidth(), first.getHeight(), first.getSamplesPerPixel()];
  refuseLarge(width, height * samples);
  const dtype = dtypeOf(first);
  if ((first.fileDirectory as { PhotometricInterpretation?: number }).PhotometricInterpretation === 6) throw new Error("Its colours are packed as in photographs. Import it with arkitekt-next data import.");
  const description = String((first.fileDirectory as { ImageDescription?: unknown }).ImageDescription ?? "").replace(/\0+$/, "");
  const said = description.includes("<OME") ? describeOme(description) : description.startsWith("ImageJ=") ? describeImageJ(description, pages, samples, resolution(first)) : plain(pages);
  const planes = said.sizes.reduce((all, [, size]) => all * size, 1);
  if (planes !== said.pages.length || said.pages.some((page) => page >= pages)) throw new Error(`It says that it has ${planes} planes, and has ${pages} pages. Import it with arkitekt-next data import, which says more.`);
  const isColor = samples > 1;
  if (isColor && said.sizes.some(([axis, size]) => axis === "c" && size > 1)) throw new Error("It has channels whose pixels have several samples. Import it with arkitekt-next data import.");
  const outer: [string, number][] = isColor ? [...said.sizes.filter(([axis]) => axis !== "c"), ["c", samples]] : said.sizes;
  const ordered = order(outer);
  const held = { page: -1, rasters: [] as Pixels[] }; // colours lie on one page, and are asked for one by one
  const plane = async (number: number): Promise<Pixels> => {
    const at = unravel(number, ordered.map(([, size]) => size));
    const index = said.sizes.reduce((all, [axis, size]) => all * size + (axis === "c" && isColor ? 0 : (at[ordered.findIndex(([name]) => name === axis)] ?? 0)), 0);
    const page = said.pages[index]!;
    if (held.page !== page) {
      const image = await tiff.getImage(page);
      if (image.getWidth() !== width || image.getHeight() !== height || dtypeOf(image) !== dtype || image.getSamplesPerPixel() !== samples) throw new Error(`Page ${page + 1} is of another size or type than the first.`);
      held.rasters = (await image.readRasters()) as unknown as Pixels[];
      held.page = page;
    }
    return held.rasters[isColor ? at[ordered.findIndex(([name]) => name === "c")]! : 0]!;
  };
  const axes = [...ordered.map(([axis]) => axis), "y", "x"];
  const known = <T>(of: Record<string, T>): Record<string, T> => Object.fromEntries(Object.entries(of).filter(([axis]) => axes.includes(axis)));
  const channels = said.channels.length > 0 ? said.channels : isColor && samples <= RGB.length ? RGB.slice(0, samples) : [];
  return { axes, shape: [...ordered.map(([, size]) => size), height, width], dtype, scale: known(said.scale), units: known(said.units), channels, plane };
}

/** Pages of which nothing is said lie behind each other. */
function plain(pages: number): Described {
  return { sizes: pages > 1 ? [["z", pages]] : [], pages: Array.from({ length: pages }, (_, page) => page), scale: {}, units: {}, channels: [] };
}

const PLACE = ["t", "c", "z"];
const order = (sizes: [string, number][]): [string, number][] => sizes.filter(([, size]) => size > 1 || sizes.length === 1).sort((one, other) => PLACE.indexOf(one[0]) - PLACE.indexOf(other[0]));

function unravel(number: number, sizes: number[]): number[] {
  const at: number[] = [];
  let left = number;
  for (const size of [...sizes].reverse()) {
    at.unshift(left % size);
    left = Math.floor(left / size);
  }
  return at;
}

function dtypeOf(image: GeoTIFFImage): string {
  const bits = image.getBitsPerSample() as number;
  const kind = { 1: "uint", 2: "int", 3: "float" }[image.getSampleFormat() as 1 | 2 | 3];
  const name = `${kind}${bits}`;
  if (!["uint8", "uint16", "uint32", "int8", "int16", "int32", "float32", "float64"].includes(name)) throw new Error(`Its pixels are of a type that the page does not read (${bits} bits). Import it with arkitekt-next data import.`);
  return name;
}

function resolution(image: GeoTIFFImage): number | undefined {
  const found = (image.fileDirectory as { XResolution?: ArrayLike<number> }).XResolution;
  return found && found[0]! > 0 && found[1]! > 0 ? found[1]! / found[0]! : undefined;
}

async function openPng(file: File): Promise<Opened> {
  const { width, height, channels, depth, data, palette } = decodePng(new Uint8Array(await file.arrayBuffer()));
  if (palette || depth < 8) return openDrawn(file);
  refuseLarge(width, height * channels);
  return interleaved(data as Pixels, width, height, channels, `uint${depth}`);
}

/** Let the browser draw what only it can read. Its colours have 8 bits, as these files have. */
async function openDrawn(file: File): Promise<Opened> {
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" }).catch(() => {
    throw new Error("It is no picture that this browser can read.");
  });
  refuseLarge(bitmap.width, bitmap.height * 4);
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d")!;
  context.drawImage(bitmap, 0, 0);
  const { data, width, height } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  let [isGrey, isOpaque] = [true, true];
  for (let at = 0; at < data.length; at += 4) {
    if (data[at] !== data[at + 1] || data[at] !== data[at + 2]) isGrey = false;
    if (data[at + 3] !== 255) isOpaque = false;
  }
  const kept = isGrey && isOpaque ? 1 : isOpaque ? 3 : 4;
  const pixels = new Uint8Array(width * height * kept);
  for (let from = 0, to = 0; from < data.length; from += 4, to += kept) for (let at = 0; at < kept; at += 1) pixels[to + at] = data[from + at]!;
  return interleaved(pixels, width, height, kept, "uint8");
}

function interleaved(data: Pixels, width: number, height: number, samples: number, dtype: string): Opened {
  const plane = (at: number): Promise<Pixels> => {
    const out = data.slice(0, width * height) as Pixels;
    for (let pixel = 0; pixel < out.length; pixel += 1) out[pixel] = data[pixel * samples + at]!;
    return Promise.resolve(out);
  };
  const isColor = samples > 1;
  const channels = samples === 2 ? [{ name: "grey", color: "FFFFFF" }, { name: "alpha" }] : isColor ? RGB.slice(0, samples) : [];
  return { axes: isColor ? ["c", "y", "x"] : ["y", "x"], shape: isColor ? [samples, height, width] : [height, width], dtype, scale: {}, units: {}, channels, plane };
}

function refuseLarge(width: number, height: number): void {
  if (width * height > LIMIT_PIXELS) throw new Error(`A plane of ${width} × ${height} pixels is too large for a browser. Import it with arkitekt-next data import.`);
}
