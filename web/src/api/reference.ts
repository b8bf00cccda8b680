/** Names for calls: the hub runs what comes again under the same name once. */
import { useRef } from "react";
import { stringify } from "../json";

/** A random name. `crypto.randomUUID` is missing on pages without TLS; this is not. */
export function newName(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Keep one name for a call until it succeeded: sent again after a lost answer it is the same call, changed it is another. */
export function useReference() {
  const held = useRef({ call: "", name: "" });
  return {
    of(call: unknown): string {
      const text = stringify(call);
      if (held.current.call !== text) held.current = { call: text, name: newName() };
      return held.current.name;
    },
    forget() {
      held.current = { call: "", name: "" };
    },
  };
}
