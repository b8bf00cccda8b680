/** Reading picture files: which planes they hold, and what they say of them. What is read from are TIFF, PNG and what browsers draw. */
import { decode as decodePng } from "fast-png";
import { BaseDecoder, type GeoTIFF, type GeoTIFFImage, addDecoder, fromBlob } from "geotiff";
import { inflated } from "../image/inflating";
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

const LIMIT_PIXELS = 2 ** 27; // of one plane, which is held at once
const LIMIT_PNG_PIXELS = 2 ** 26; // which is unpacked as a whole
const PACKED = new Set([1, 5, 8, 32773, 32946]); // not at all, LZW, deflate, PackBits, deflate as it was
const DESCRIPTION_LIMIT = 4 * 2 ** 20;
const RGB = [
  { name: "red", color: "FF0000" },
  { name: "green", color: "00FF00" },
  { name: "blue", color: "0000FF" },
  { name: "alpha" },
];

interface Directory {
  ImageDescription?: unknown;
  PhotometricInterpretation?: number;
  XResolution?: ArrayLike<number>;
  YResolution?: ArrayLike<number>;
  Compression?: number;
  ImageWidth: number;
  ImageLength: number;
  TileWidth?: number;
  TileLength?: number;
  RowsPerStrip?: number;
  BitsPerSample?: ArrayLike<number>;
}

/** Unpack what deflate packed, and no more than a strip or a tile has pixels: whoever packed it may have packed anything. */
class Inflate extends BaseDecoder {
  readonly #limit: number;

  constructor(directory: Directory) {
    super();
    const [width, height] = [directory.TileWidth ?? directory.ImageWidth, directory.TileLength ?? Math.min(directory.RowsPerStrip ?? directory.ImageLength, directory.ImageLength)];
    this.#limit = width * height * Math.ceil(Array.from(directory.BitsPerSample ?? [1]).reduce((all, bits) => all + bits, 0) / 8);
  }

  async decodeBlock(block: ArrayBuffer): Promise<ArrayBuffer> {
    return (await inflated(new Uint8Array(block), "deflate", this.#limit)).buffer;
  }
}

addDecoder([8, 32946], () => Promise.resolve(Inflate as never));

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
  const directory = first.fileDirectory as Directory;
  if (!PACKED.has(directory.Compression ?? 1)) throw new Error("Its pixels are packed in a way that the page does not read. Import it with arkitekt-next data import.");
  if (directory.PhotometricInterpretation === 6) throw new Error("Its colours are packed as in photographs. Import it with arkitekt-next data import.");
  const description = String(directory.ImageDescription ?? "").replace(/\0+$/, "");
  if (description.length > DESCRIPTION_LIMIT) throw new Error("What it says of itself is too long for a browser. Import it with arkitekt-next data import.");
  const said = description.includes("<OME") ? describeOme(description, pages) : description.startsWith("ImageJ=") ? describeImageJ(description, pages, samples, { x: step(directory.XResolution), y: step(directory.YResolution) }) : plain(pages);
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

const step = (resolution: ArrayLike<number> | undefined): number | undefined => (resolution && resolution[0]! > 0 && resolution[1]! > 0 ? resolution[1]! / resolution[0]! : undefined);

async function openPng(file: File): Promise<Opened> {
  const head = new DataView(await file.slice(0, 64).arrayBuffer());
  if (head.byteLength < 33 || head.getUint32(12) !== 0x49484452) throw new Error("It is no PNG that can be read.");
  refuseLarge(head.getUint32(16), head.getUint32(20), LIMIT_PNG_PIXELS);
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (isAnimated(bytes)) throw new Error("It is animated, and only its first picture could be stored.");
  if (head.getUint8(24) < 8 || head.getUint8(25) === 3) return openDrawn(file); // few bits, or a palette
  const { width, height, channels, depth, data } = decodePng(bytes);
  return interleaved(data as Pixels, width, height, channels, `uint${depth}`);
}

/** Let the browser draw what only it can read. Its colours have 8 bits, as these files have. */
async function openDrawn(file: File): Promise<Opened> {
  await refuseAnimated(file);
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none", imageOrientation: "none" as never }).catch(() => {
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

/** Where the browser tells how many pictures a file has, refuse more than one: the others would be lost. */
async function refuseAnimated(file: File): Promise<void> {
  if (!("ImageDecoder" in self) || !file.type) return;
  const decoder = new ImageDecoder({ data: file.stream(), type: file.type });
  const count = await decoder.tracks.ready.then(() => decoder.completed).then(() => decoder.tracks.selectedTrack?.frameCount ?? 1, () => 1);
  decoder.close();
  if (count > 1) throw new Error(`It is animated: of its ${count} pictures only the first could be stored.`);
}

/** Whether a PNG has a chunk that says how many pictures it holds, before the first of them. */
function isAnimated(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer);
  for (let at = 8; at + 8 <= bytes.length; at += 12 + view.getUint32(at)) {
    const kind = view.getUint32(at + 4);
    if (kind === 0x6163544c) return true; // acTL
    if (kind === 0x49444154) return false; // IDAT
  }
  return false;
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

function refuseLarge(width: number, height: number, limit = LIMIT_PIXELS): void {
  if (width * height > limit) throw new Error(`A plane of ${width} × ${height} pixels is too large for a browser. Import it with arkitekt-next data import.`);
}
