/** How much of a table is decoded at once. Whoever stored it may have stored anything, and a page has little memory. */
export const FOOTER_BYTES = 16 * 2 ** 20;
export const COLUMNS = 10_000;
export const PART_BYTES = 64 * 2 ** 20; // of one column of a row group, packed
export const UNPACKED_BYTES = 256 * 2 ** 20; // the same, unpacked
export const PART_VALUES = 8_000_000;
export const HELD_BYTES = 256 * 2 ** 20; // unpacked parts that are kept
export const ARRANGED_ROWS = 1_000_000; // rows up to which a table is sorted and filtered
export const CSV_BYTES = 256 * 2 ** 20;
export const CELL_CHARACTERS = 200; // of a value, in the grid
export const VALUE_CHARACTERS = 65_536; // of a value, when it is looked at or copied
export const ANSWER_MS = 30_000; // for one part; what takes longer is stopped
