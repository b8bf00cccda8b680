/** A wire value as a person reads it, by the port it came through. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { item as itemQuery } from "../api/queries";
import { stringify } from "../json";
import { type Port, childrenOf } from "../ports/model";
import { spanText } from "../ports/scalars";
import { itemKind, labelOf } from "../ports/words";
import { usePaged } from "../ui/Pager";
import { Thumbnail, what } from "./Thumbnail";

const ROWS = 200;
const LONG = 2_000;

export function Value({ port, value }: { port: Port | undefined; value: unknown }) {
  if (value === null || value === undefined) return <span className="quiet">nothing</span>;
  if (port === undefined) return <Raw value={value} />;
  const children = childrenOf(port);
  if (itemKind(port) !== null && typeof value === "string") return <StoredItem id={value} />;
  switch (port.kind) {
    case "bool":
      return <>{value ? "yes" : "no"}</>;
    case "int":
    case "float":
    case "decimal":
      return (
        <span className="tabular-nums">
          {String(value)}
          {port.unit ? ` ${port.unit}` : ""}
        </span>
      );
    case "timedelta":
      return <span className="tabular-nums">{spanText(value as number)}</span>;
    case "enum":
    case "literal":
      return <>{port.choices?.find((choice) => choice.value === value)?.label || String(value)}</>;
    case "union": {
      const [at, inner] = Array.isArray(value) ? value : [0, value];
      return <Value port={children[Number(at)]} value={inner} />;
    }
    case "model":
      return <Fields ports={children} value={value as Record<string, unknown>} />;
    case "list":
    case "set":
    case "tuple":
      return Array.isArray(value) ? <Items port={port} value={value} /> : <Raw value={value} />;
    case "dict":
      return typeof value === "object" ? (
        <table className="text-sm">
          <tbody>
            {Object.entries(value)
              .slice(0, ROWS)
              .map(([name, inner]) => (
                <tr key={name} className="align-top">
                  <th scope="row" className="pr-4 text-left font-normal text-soft">
                    {name}
                  </th>
                  <td>
                    <Value port={children[1]} value={inner} />
                  </td>
                </tr>
              ))}
          </tbody>
        </table>
      ) : (
        <Raw value={value} />
      );
    case "string":
    case "structure":
    case "datetime":
    case "date":
    case "time":
    case "uuid":
      return <span className="whitespace-pre-wrap break-words">{shortened(String(value))}</span>;
    case "bytes":
      return <span className="quiet">{Math.floor((String(value).length * 3) / 4)} bytes</span>;
    default:
      return <Raw value={value} />;
  }
}

/** Several values side by side: what a function gives, or the fields of a model. */
export function Fields({ ports, value }: { ports: Port[]; value: Record<string, unknown> }) {
  return (
    <dl className="m-0 grid grid-cols-[auto_1fr] gap-x-4 gap-y-1">
      {ports
        .filter((port) => Object.hasOwn(value, port.key))
        .map((port) => (
          <div key={port.key} className="contents">
            <dt className="text-soft first-letter:uppercase">{labelOf(port)}</dt>
            <dd className="m-0 min-w-0">
              <Value port={port} value={value[port.key]} />
            </dd>
          </div>
        ))}
    </dl>
  );
}

function Items({ port, value }: { port: Port; value: unknown[] }) {
  const children = childrenOf(port);
  const isFixed = port.kind === "tuple" && !port.variadic;
  const child = children[0];
  if (value.length === 0) return <span className="quiet">empty</span>;
  if (!isFixed && child?.kind === "model") return <Records ports={childrenOf(child)} rows={value as Record<string, unknown>[]} />;
  const isPlain = !isFixed && (child?.kind === "int" || child?.kind === "float");
  return <Listed value={value} isPlain={isPlain} portAt={(at) => children[isFixed ? at : 0]} />;
}

function Listed({ value, isPlain, portAt }: { value: unknown[]; isPlain: boolean; portAt: (at: number) => Port | undefined }) {
  const { shown, first, pager } = usePaged(value, ROWS);
  return (
    <>
      {isPlain ? (
        <span className="break-words tabular-nums">{shown.map(String).join(", ")}</span>
      ) : (
        <ol className="m-0 grid gap-1 pl-8" start={first}>
          {shown.map((inner, at) => (
            <li key={first + at}>
              <Value port={portAt(first + at)} value={inner} />
            </li>
          ))}
        </ol>
      )}
      {pager}
    </>
  );
}

/** Models of one kind as the rows of a table. */
export function Records({ ports, rows }: { ports: Port[]; rows: Record<string, unknown>[] }) {
  const { shown, first, pager } = usePaged(rows, ROWS);
  return (
    <div className="overflow-x-auto">
      <table className="w-full text-sm">
        <thead>
          <tr>
            {ports.map((port) => (
              <th key={port.key} scope="col" className="border-b border-line px-2 py-1 text-left font-medium">
                {labelOf(port)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((row, at) => (
            <tr key={first + at} className="align-top">
              {ports.map((port) => (
                <td key={port.key} className="border-b border-line px-2 py-1">
                  <Value port={port} value={row?.[port.key]} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {pager}
    </div>
  );
}

function StoredItem({ id }: { id: string }) {
  const found = useQuery(itemQuery(id));
  if (!found.data) return <span className="quiet">{found.error ? `${found.error.message}` : id}</span>;
  return (
    <Link to="/data/$id" params={{ id }} className="inline-flex max-w-full items-center gap-3 text-ink no-underline hover:underline">
      <Thumbnail item={found.data} size={found.data.kind === "image" ? 96 : 40} />
      <span className="min-w-0">
        <span className="block truncate">{found.data.name}</span>
        <span className="quiet block truncate">{what(found.data)}</span>
      </span>
    </Link>
  );
}

function Raw({ value }: { value: unknown }) {
  return <pre className="m-0 max-h-96 overflow-auto whitespace-pre-wrap break-words text-sm">{shortened(stringify(value, 2))}</pre>;
}

const shortened = (text: string): string => (text.length > LONG ? `${text.slice(0, LONG)}… (${text.length} characters)` : text);
