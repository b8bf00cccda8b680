/** Asking before something is done that stops or removes something: what it means, and a way out that comes first. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useId, useRef, useState } from "react";

interface Asked {
  title: string;
  children: ReactNode; // what will happen
  confirm: string; // what the button says that does it
  isGrave?: boolean;
  act: () => Promise<unknown>;
  stale: string[]; // the queries whose answers are another afterwards
}

export function Confirm({ title, children, confirm, isGrave = true, act, stale, close }: Asked & { close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const client = useQueryClient();
  const id = useId();
  const done = useMutation({
    mutationFn: act,
    onSettled: () => Promise.all(stale.map((key) => client.invalidateQueries({ queryKey: [key] }))),
    onSuccess: close,
  });
  useEffect(() => {
    const opened = dialog.current!;
    const before = document.activeElement as HTMLElement | null;
    opened.showModal();
    return () => {
      opened.close();
      // What was removed took its button with it.
      if (before?.isConnected) before.focus();
      else document.getElementById("main")?.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={`${id}-title`}
      aria-describedby={`${id}-text`}
      className="panel m-auto w-full max-w-md p-5 text-ink shadow-xl backdrop:bg-black/40"
      onCancel={(event) => {
        event.preventDefault();
        if (!done.isPending) close();
      }}
    >
      <h2 id={`${id}-title`} className="m-0 mb-2 break-words text-lg font-semibold">
        {title}
      </h2>
      <div id={`${id}-text`} className="grid gap-2 break-words">
        {children}
      </div>
      {done.error && (
        <p role="alert" className="m-0 mt-3 break-words text-sm text-bad">
          {done.error.message}
        </p>
      )}
      <div className="mt-5 flex flex-wrap justify-end gap-2">
        <button type="button" className="button" autoFocus disabled={done.isPending} onClick={close}>
          Leave it
        </button>
        <button type="button" className={`button ${isGrave ? "bad" : "main"}`} disabled={done.isPending} onClick={() => done.mutate()}>
          {confirm}
        </button>
      </div>
    </dialog>
  );
}

/** A button that asks first. */
export function ConfirmButton({ text, label, icon, ...asked }: Asked & { text: string; label?: string; icon?: ReactNode }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button type="button" className={`button ${asked.isGrave === false ? "" : "bad"}`} aria-label={label} aria-haspopup="dialog" onClick={() => setOpen(true)}>
        {icon}
        {text}
      </button>
      {isOpen && <Confirm {...asked} close={() => setOpen(false)} />}
    </>
  );
}
