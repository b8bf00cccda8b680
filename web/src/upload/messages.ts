/** What the page and the worker that reads files say to each other. */

/** How many objects may wait for being sent. */
export const AHEAD = 4;

export interface Meta {
  axes: string[];
  shape: number[];
  dtype: string;
  scale: Record<string, number>;
  units: Record<string, string>;
  channels: { name: string; color?: string; window?: [number, number, number, number] }[];
  chunks: number[];
  shards?: number[];
  levels: number;
  role: "intensity";
  origin: { name: string; sha256: string; size_bytes: number };
}

export interface Begin {
  file: File;
  as: "image" | "file";
  name: string;
}

export type Said =
  | { is: "object"; path: string; body: Blob }
  | { is: "read"; part: number } // how much of the file was read, of 1
  | { is: "image"; meta: Meta }
  | { is: "file"; sha256: string }
  | { is: "problem"; problem: string };
