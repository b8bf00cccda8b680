/** Unpack by what the browser has built in. Raises for what becomes larger than it may, before it has. */
export async function inflated(data: Uint8Array, format: CompressionFormat, limitBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const reader = new Blob([data as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream(format)).getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  for (let step = await reader.read(); !step.done; step = await reader.read()) {
    size += step.value.length;
    if (size > limitBytes) {
      await reader.cancel();
      throw new Error(`A part unpacks into more than the ${limitBytes} bytes that it may have.`);
    }
    parts.push(step.value);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
