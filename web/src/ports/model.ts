/** Definitions as the hub publishes them; what they mean is in docs/reference/definitions.md. */

export type Kind =
  | "bool" | "int" | "float" | "string" | "bytes" | "datetime" | "date" | "time" | "timedelta" | "uuid" | "decimal"
  | "json" | "enum" | "literal" | "list" | "set" | "tuple" | "dict" | "union" | "model" | "structure" | "memory" | "none";

export interface Choice {
  value: unknown;
  label?: string | null;
  description?: string | null;
}

export interface Constraints {
  ge?: unknown;
  gt?: unknown;
  le?: unknown;
  lt?: unknown;
  multiple_of?: unknown;
  min_length?: number | null;
  max_length?: number | null;
  pattern?: string | null;
  json_type?: string | null;
}

export interface Condition {
  op: "equals" | "not_equals" | "in" | "gt" | "ge" | "lt" | "le" | "truthy" | "all" | "any" | "not";
  port?: string | null;
  value?: unknown;
  of?: Condition[];
}

export interface Rule {
  kind: "refuse" | "warn" | "hide";
  when: Condition;
  message?: string | null;
}

export interface Widget {
  kind: string;
  min?: number | null;
  max?: number | null;
  step?: number | null;
  [more: string]: unknown;
}

export interface Port {
  key: string;
  kind: Kind;
  required?: boolean;
  default?: unknown;
  nullable?: boolean;
  label?: string | null;
  description?: string | null;
  unit?: string | null;
  identifier?: string | null;
  children?: Port[];
  variadic?: boolean;
  choices?: Choice[];
  constraints?: Constraints | null;
  widget?: Widget | null;
  group?: string | null;
  validators?: Rule[];
  effects?: Rule[];
}

export interface Group {
  key: string;
  label?: string | null;
  description?: string | null;
  is_collapsed?: boolean;
}

export interface Definition {
  name: string;
  label?: string | null;
  description?: string | null;
  long_description?: string | null;
  args?: Port[];
  returns?: Port[];
  kind?: "function" | "generator";
  effects?: string;
  groups?: Group[];
  collections?: string[];
}

export const childrenOf = (port: Port): Port[] => port.children ?? [];
export const isRequired = (port: Port): boolean => port.required ?? true;
