/**
 * What is known of a long list: an unbroken piece of it from its newest row down.
 *
 * The rule: an answer says everything about the stretch that it covers, from where it was asked to its `next`, and nothing
 * about the rest. So a page can be asked again without those before and after it.
 */
export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface Loaded<T> {
  rows: T[];
  next: string | null;
}

export interface Order<T> {
  keyOf: (row: T) => string; // what a cursor is compared with
  isNewestFirst: boolean;
}

const comesAfter = <T>(order: Order<T>, one: string, other: string): boolean => (order.isNewestFirst ? one < other : one > other);

/** Count the rows that stand at or before a cursor. */
export function countThrough<T>(rows: T[], cursor: string, order: Order<T>): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (comesAfter(order, order.keyOf(rows[middle]!), cursor)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Put an answer in the place of what was known of its stretch; `after` is the cursor it was asked with. */
export function spliced<T>(old: Loaded<T>, answer: Page<T>, after: string | null, order: Order<T>): Loaded<T> {
  const before = after === null ? [] : old.rows.slice(0, countThrough(old.rows, after, order));
  if (answer.next === null) return { rows: [...before, ...answer.items], next: null };
  if (old.next !== null && !comesAfter(order, old.next, answer.next)) return { rows: [...before, ...answer.items], next: answer.next };
  const behind = old.rows.slice(countThrough(old.rows, answer.next, order));
  return { rows: [...before, ...answer.items, ...behind], next: old.next };
}

/** Tell whether an answer from the top reaches what was known: else rows between them would be missing. */
export function reaches<T>(old: Loaded<T>, answer: Page<T>, order: Order<T>): boolean {
  const first = old.rows[0];
  return answer.next === null || first === undefined || !comesAfter(order, order.keyOf(first), answer.next);
}
