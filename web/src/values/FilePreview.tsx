/** A stored file: its name, a way to take it away, and how it begins where that can be shown as it is, never as a page. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import type { Schemas } from "../api/client";
import { ItemStore } from "../api/stored";
import { Failure, Loading } from "../ui/parts";
import { save } from "../ui/save";
import { size as sizeText } from "../ui/words";
import { named } from "../named";

const BEGINNING_BYTES = 64 * 1024;
const PICTURE_BYTES = 32 * 2 ** 20;
const PICTURES = named<string>({ png: "image/png", jpg: "image/jpeg", jpeg: "image/jpeg", gif: "image/gif", webp: "image/webp" });
const TEXTS = new Set(["txt", "md", "rst", "log", "csv", "tsv", "json", "jsonl", "ndjson", "yaml", "yml", "toml", "ini", "cfg", "xml", "py", "r", "m", "ijm", "groovy", "js", "ts", "c", "h", "cpp", "java", "sh", "sql", "tex"]);

export function FilePreview({ item }: { item: Schemas["Item"] }) {
  if (item.kind !== "file" || item.committed_at_us === null || item.removed_at_us !== null || item.trashed_at_us !== null) return null;
  return <Preview key={item.id} item={item} />;
}

function Preview({ item }: { item: Schemas["Item"] }) {
  const meta = item.meta as { name?: unknown; size_bytes?: unknown }; // whoever stored it said so, or did not
  const name = typeof meta.name === "string" && meta.name ? meta.name : item.name;
  const bytes = Number.isSafeInteger(meta.size_bytes) && Number(meta.size_bytes) >= 0 ? Number(meta.size_bytes) : item.size_bytes; // a file is one object
  const store = useMemo(() => new ItemStore(item.id), [item.id]);
  const download = useMutation({ mutationFn: () => store.link(name), onSuccess: (url) => save(url, name) });
  const ending = /\.([^./]+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
  const picture = PICTURES[ending];
  return (
    <section aria-label={`File ${name}`} className="mt-6 grid min-w-0 gap-3">
      <div className="flex flex-wrap items-center gap-3">
        <span className="min-w-0 break-all font-medium">{name}</span>
        <span className="quiet">{sizeText(bytes)}</span>
        <button type="button" className="button" disabled={download.isPending} onClick={() => download.mutate()}>
          <Download aria-hidden className="size-4" /> Download
        </button>
      </div>
      {download.error && <Failure error={download.error} />}
      {picture && bytes <= PICTURE_BYTES ? (
        <Picture store={store} name={name} size={bytes} type={picture} />
      ) : TEXTS.has(ending) ? (
        <Beginning store={store} name={name} size={bytes} isJson={ending === "json"} />
      ) : (
        <p className="quiet m-0">There is no preview of such a file.</p>
      )}
    </section>
  );
}

/** The bytes are shown as the one type that the ending stands for: whatever else they are is a broken picture. */
function Picture({ store, name, size, type }: { store: ItemStore; name: string; size: number; type: string }) {
  const [url, setUrl] = useState<string | null>(null);
  const [isBroken, setBroken] = useState(false);
  const found = useQuery({ queryKey: ["file", store.item, "picture"], queryFn: ({ signal }) => beginningOf(store, name, size, signal), staleTime: Infinity, gcTime: 0 });
  useEffect(() => {
    if (!found.data) return;
    const made = URL.createObjectURL(new Blob([found.data], { type }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [found.data, type]);
  if (found.error) return <Failure error={found.error} again={() => void found.refetch()} />;
  if (isBroken) return <p className="quiet m-0">It is no picture that can be shown.</p>;
  return url ? <img src={url} alt={name} className="max-h-[32rem] max-w-full justify-self-start object-contain" onError={() => setBroken(true)} /> : <Loading rows={2} />;
}

function Beginning({ store, name, size, isJson }: { store: ItemStore; name: string; size: number; isJson: boolean }) {
  const found = useQuery({ queryKey: ["file", store.item, "beginning"], queryFn: ({ signal }) => beginningOf(store, name, Math.min(size, BEGINNING_BYTES), signal), staleTime: Infinity, gcTime: 0 });
  const text = useMemo(() => found.data && textOf(found.data, isJson && size <= BEGINNING_BYTES), [found.data, isJson, size]);
  if (found.error) return <Failure error={found.error} again={() => void found.refetch()} />;
  if (text === undefined) return <Loading rows={2} />;
  if (text === null) return <p className="quiet m-0">It is no text, whatever its name says.</p>;
  return (
    <>
      <pre tabIndex={0} aria-label="Preview" className="panel m-0 max-h-[32rem] overflow-auto whitespace-pre-wrap break-words px-3 py-2 text-xs">
        {text || <span className="quiet">It is empty.</span>}
      </pre>
      {size > BEGINNING_BYTES && <p className="quiet m-0">Its first {sizeText(BEGINNING_BYTES)} of {sizeText(size)}.</p>}
    </>
  );
}

async function beginningOf(store: ItemStore, name: string, length: number, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  if (length === 0) return new Uint8Array(); // nothing can't be asked for
  const found = await store.getRange(`/${name}`, { offset: 0, length }, { signal });
  if (found === undefined) throw new Error("It is not stored there any more.");
  return found as Uint8Array<ArrayBuffer>;
}

/** Bytes as text; null for what is none. JSON is set out, unless it is broken. */
function textOf(view: Uint8Array, isJson: boolean): string | null {
  if (view.includes(0)) return null;
  const text = new TextDecoder().decode(view).replace(/\uFFFD$/, "");
  if (!isJson) return text;
  try {
    const value: unknown = JSON.parse(text);
    return /\d{16}|\d[eE]/.test(text) ? text : JSON.stringify(value, null, 2); // numbers that would lose digits stay as they are
  } catch {
    return text;
  }
}
