/** Decimal numbers as text, compared exactly whatever their exponents. */

export interface Decimal {
  sign: -1 | 0 | 1;
  digits: string; // without zeros at either end
  exponent: number; // of the last digit
}

const PRECISION = 28; // digits of a quotient, as the hub reckons

/** Read a decimal; "inf" for one without end, null for what is no number. */
export function decimalOf(text: string): Decimal | "inf" | "-inf" | null {
  if (/^[+]?inf(inity)?$/i.test(text)) return "inf";
  if (/^-inf(inity)?$/i.test(text)) return "-inf";
  const found = /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(text);
  if (found === null || (!found[2] && !found[3])) return null;
  const all = `${found[2]}${found[3]}`.replace(/^0+/, "");
  const digits = all.replace(/0+$/, "");
  const exponent = Number(found[4] ?? 0) - found[3]!.length + all.length - digits.length;
  return { sign: digits === "" ? 0 : found[1] === "-" ? -1 : 1, digits, exponent };
}

/** Give how two stand to each other; NaN when one is no number. */
export function compareDecimals(one: string, other: string): number {
  const [first, second] = [decimalOf(one), decimalOf(other)];
  if (first === null || second === null) return Number.NaN;
  const [a, b] = [signOf(first), signOf(second)];
  if (a !== b) return a - b;
  if (typeof first === "string" || typeof second === "string") return 0;
  if (first.sign === 0) return 0;
  return first.sign * compareSizes(first, second);
}

const signOf = (value: Decimal | "inf" | "-inf"): number => (value === "inf" ? 2 : value === "-inf" ? -2 : value.sign);

function compareSizes(one: Decimal, other: Decimal): number {
  const order = magnitude(one) - magnitude(other);
  if (order !== 0) return order;
  const length = Math.max(one.digits.length, other.digits.length);
  const [first, second] = [one.digits.padEnd(length, "0"), other.digits.padEnd(length, "0")];
  return first < second ? -1 : first > second ? 1 : 0;
}

const magnitude = ({ digits, exponent }: Decimal): number => digits.length + exponent;

/** Tell whether one is a whole multiple of the other, as far as the hub can tell: of quotients that are not too long. */
export function isMultipleOf(value: string, step: string): boolean {
  const [one, other] = [decimalOf(value), decimalOf(step)];
  if (one === null || other === null || typeof one === "string" || typeof other === "string" || other.sign <= 0) return false;
  if (one.sign === 0) return true;
  const places = magnitude(one) - magnitude(other);
  if (places < 0 || places > PRECISION + 1) return false;
  const shift = Math.min(one.exponent, other.exponent);
  const [whole, part] = [BigInt(one.digits + "0".repeat(one.exponent - shift)), BigInt(other.digits + "0".repeat(other.exponent - shift))];
  return whole % part === 0n && (whole / part).toString().length <= PRECISION;
}
