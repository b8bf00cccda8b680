/** A history as a picture: what flows into what, from left to right. Whoever does not see it reads the outline below it. */
import { Background, BackgroundVariant, Handle, MarkerType, type NodeProps, Position, ReactFlow, ReactFlowProvider, useReactFlow } from "@xyflow/react";
import "@xyflow/react/dist/base.css";
import { useNavigate } from "@tanstack/react-router";
import { EyeOff, Maximize, ZoomIn, ZoomOut } from "lucide-react";
import { memo, useMemo } from "react";
import { Status } from "../ui/parts";
import { Picture as Thumb, callWords, itemWords } from "./NodeShown";
import { type History, type Node, nearest, placed } from "./graph";

const MOST = 300; // more can't be told apart, and would take long to draw
const [WIDE, HIGH] = [290, 96];

interface Data extends Record<string, unknown> {
  node: Node;
  words: string;
  isRoot: boolean;
  isCut: boolean;
}

const KINDS = { item: memo(Shown), task: memo(Shown), hidden: memo(Shown) };

export function Picture({ history }: { history: History }) {
  return (
    <ReactFlowProvider>
      <Drawn history={history} />
    </ReactFlowProvider>
  );
}

function Drawn({ history }: { history: History }) {
  const navigate = useNavigate();
  const { nodes, edges, left, lines } = useMemo(() => drawing(history), [history]);
  return (
    <figure className="m-0">
      <div className={`panel relative overflow-hidden ${lines > 3 ? "h-[28rem]" : "h-64"}`} data-testid="history-picture">
        <div aria-hidden className="h-full">
          <ReactFlow
            key={history.root + nodes.length}
            defaultNodes={nodes}
            defaultEdges={edges}
            nodeTypes={KINDS}
            fitView
            fitViewOptions={{ padding: 0.15, maxZoom: 1 }}
            minZoom={0.05}
            maxZoom={2}
            nodesDraggable={false}
            nodesConnectable={false}
            nodesFocusable={false}
            edgesFocusable={false}
            elementsSelectable={false}
            disableKeyboardA11y
            onlyRenderVisibleElements={nodes.length > 60}
            preventScrolling={false}
            zoomOnScroll={false}
            zoomOnPinch
            zoomActivationKeyCode={["Control", "Meta"]}
            proOptions={{ hideAttribution: true }}
            onNodeClick={(_, { data }) => {
              const { node } = data as Data;
              if (node.node === "item") void navigate({ to: "/data/$id", params: { id: node.id } });
              if (node.node === "task") void navigate({ to: "/tasks/$id", params: { id: node.id } });
            }}
          >
            <Background variant={BackgroundVariant.Dots} gap={24} color="var(--color-line)" />
          </ReactFlow>
        </div>
        <Zoom />
      </div>
      <figcaption className="quiet mt-1">
        From left to right. Drag to move, Ctrl and the wheel to come closer; a click leads to what is drawn. The list below says the same.
        {left > 0 && ` The ${nodes.length} nearest are drawn; ${left} more are in the list.`} Drawn with React Flow.
      </figcaption>
    </figure>
  );
}

function Zoom() {
  const flow = useReactFlow();
  const buttons: [string, typeof ZoomIn, () => void][] = [
    ["Closer", ZoomIn, () => void flow.zoomIn()],
    ["Further away", ZoomOut, () => void flow.zoomOut()],
    ["Show all of it", Maximize, () => void flow.fitView({ padding: 0.15, maxZoom: 1 })],
  ];
  return (
    <div className="absolute right-2 top-2 flex gap-1">
      {buttons.map(([label, Icon, act]) => (
        <button key={label} type="button" className="button" aria-label={label} title={label} onClick={act}>
          <Icon aria-hidden className="size-4" />
        </button>
      ))}
    </div>
  );
}

function drawing(history: History) {
  const drawn = nearest(history, MOST);
  const nodes = placed(history, drawn).map(({ ref, layer, line }) => {
    const node = history.nodes.get(ref)!;
    const data: Data = { node, words: callWords(history, ref), isRoot: ref === history.root, isCut: history.cut.has(ref) };
    return { id: ref, type: node.node, position: { x: layer * WIDE, y: line * HIGH }, data, sourcePosition: Position.Right, targetPosition: Position.Left };
  });
  const edges = history.flows
    .filter((flow) => drawn.has(flow.from) && drawn.has(flow.to))
    .map((flow) => ({
      id: `${flow.from}>${flow.to}`,
      source: flow.from,
      target: flow.to,
      style: { stroke: "var(--color-soft)", strokeDasharray: flow.kind === "called" || flow.kind === "again_of" ? "4 4" : undefined },
      markerEnd: { type: MarkerType.ArrowClosed, color: "var(--color-soft)" },
    }));
  return { nodes, edges, left: history.nodes.size - nodes.length, lines: new Set(nodes.map((node) => node.position.y)).size };
}

function Shown({ data }: NodeProps) {
  const { node, words, isRoot, isCut } = data as Data;
  const ring = isRoot ? "border-accent bg-accent-soft" : "";
  return (
    <>
      <Handle type="target" position={Position.Left} className="opacity-0" isConnectable={false} />
      <div className={`panel flex h-16 w-60 items-center gap-2 px-2.5 py-2 text-sm text-ink ${ring} ${node.node === "task" ? "rounded-full px-4" : ""} ${node.node === "hidden" ? "w-auto border-dashed text-soft" : "cursor-pointer hover:border-soft"}`}>
        {node.node === "item" && <Thumb node={node} px={48} />}
        {node.node === "hidden" && <EyeOff className="size-4" />}
        <span className="min-w-0 flex-1">
          <span className="block truncate font-medium">{node.node === "item" ? node.name || "without a name" : node.node === "task" ? node.action : "not for you"}</span>
          {node.node === "item" && <span className="quiet block truncate">{itemWords(node)}</span>}
          {node.node === "task" && (
            <span className="flex items-center gap-2">
              <Status status={node.status} />
              <span className="quiet truncate">{words}</span>
            </span>
          )}
        </span>
        {isCut && <span className="text-soft">…</span>}
      </div>
      <Handle type="source" position={Position.Right} className="opacity-0" isConnectable={false} />
    </>
  );
}
