/** Copying text, also on pages without TLS, where browsers give no clipboard. Tells whether it was copied. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelected(text);
  }
}

function copySelected(text: string): boolean {
  const before = document.activeElement as HTMLElement | null;
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "sr-only";
  (before?.closest("dialog") ?? document.body).append(field); // beside an open dialog nothing can be selected
  field.select();
  const isCopied = document.execCommand("copy");
  field.remove();
  before?.focus({ preventScroll: true });
  return isCopied;
}

export const NOT_COPIED = "The browser does not let this page copy. Select the text and copy it yourself.";
