/** JSON whose integers keep all their digits: those that a number can't hold are bigints. */

type Reviver = (this: unknown, key: string, value: unknown, context: { source: string }) => unknown;
const raw: ((text: string) => unknown) | undefined = (JSON as unknown as { rawJSON?: (text: string) => unknown }).rawJSON;

export function parse(text: string): unknown {
  const revive: Reviver = (_key, value, context) => {
    if (typeof value !== "number" || !Number.isInteger(value) || Number.isSafeInteger(value)) return value;
    return context?.source !== undefined && /^-?\d+$/.test(context.source) ? BigInt(context.source) : value;
  };
  return JSON.parse(text, revive as (key: string, value: unknown) => unknown);
}

export function stringify(value: unknown, indent?: number): string {
  const replace = (_key: string, inner: unknown): unknown => {
    if (typeof inner === "bigint") {
      const isSafe = inner <= BigInt(Number.MAX_SAFE_INTEGER) && inner >= BigInt(Number.MIN_SAFE_INTEGER);
      if (isSafe) return Number(inner);
      if (raw === undefined) throw new Error("This browser can't send integers beyond 2^53. Use a newer one");
      return raw(inner.toString());
    }
    if (Object.is(inner, -0) && raw !== undefined) return raw("-0.0");
    return inner;
  };
  return JSON.stringify(value, replace, indent);
}
