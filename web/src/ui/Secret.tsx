/** Something that is told once: a link or a token, with a button that copies it. */
import { Check, Copy, X } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { copyText } from "./copy";

export function Secret({ title, label, text, children, close }: { title: string; label: string; text: string; children: ReactNode; close: () => void }) {
  const field = useRef<HTMLInputElement>(null);
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    field.current?.focus();
    field.current?.select();
    setCopied(false);
  }, [text]);
  const copy = async () => {
    setCopied(await copyText(text));
    field.current?.select();
  };
  return (
    <section role="status" aria-label={title} className="panel border-accent bg-accent-soft px-4 py-3">
      <div className="flex items-start justify-between gap-3">
        <h3 className="m-0 font-semibold">{title}</h3>
        <button type="button" className="button plain px-1.5" aria-label="Put it away" onClick={close}>
          <X aria-hidden className="size-4" />
        </button>
      </div>
      <div className="mb-2 text-sm">{children}</div>
      <div className="flex gap-2">
        <input ref={field} readOnly aria-label={label} className="field min-w-0 flex-1 font-mono text-sm" value={text} onFocus={(event) => event.currentTarget.select()} />
        <button type="button" className="button main" onClick={() => void copy()}>
          {isCopied ? <Check aria-hidden className="size-4" /> : <Copy aria-hidden className="size-4" />}
          {isCopied ? "Copied" : "Copy"}
        </button>
      </div>
    </section>
  );
}
