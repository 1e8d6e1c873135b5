/** Where a thread spent its time, read from a profile of it: names of functions and their places. */

import type { Profiler } from 'node:inspector'

type Profile = Pick<Profiler.Profile, 'nodes'>
type Node = Profiler.ProfileNode

/** Frames of the stack that are told, from the innermost. */
export const FRAMES_MAX = 12
const NAME_LENGTH_MAX = 100
/** No functions: V8's words for what it samples where nothing of ours runs. */
const NOBODY = new Set(['(root)', '(program)', '(idle)'])
const ROOT = new URL('../../../', import.meta.url).href

/** `f (src/a.ts:3) < g (src/b.ts:9)`; `undefined` where nothing ran that has a name. */
export function busiestStack({ nodes }: Profile): string | undefined {
  const callers = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node])))
  const [busiest] = nodes
    .filter((node) => !NOBODY.has(node.callFrame.functionName) && (node.hitCount ?? 0) > 0)
    .toSorted((one, other) => (other.hitCount ?? 0) - (one.hitCount ?? 0))
  if (busiest === undefined) return undefined
  const frames: string[] = []
  for (
    let node: Node | undefined = busiest;
    node !== undefined && frames.length < FRAMES_MAX;
    node = callers.get(node.id)
  )
    if (!NOBODY.has(node.callFrame.functionName)) frames.push(frameOf(node, node === busiest))
  return frames.join(' < ')
}

/** The innermost is told by the line that was busiest, the others by where they begin. */
function frameOf({ callFrame, positionTicks = [] }: Node, isInnermost: boolean): string {
  const { functionName, url, lineNumber } = callFrame
  const name = printable(functionName) || '(anonymous)'
  if (url === '') return name
  const [tick] = isInnermost ? positionTicks.toSorted((one, other) => other.ticks - one.ticks) : []
  return `${name} (${printable(url.replace(ROOT, ''))}:${tick?.line ?? lineNumber + 1})`
}

/** One line of a log, whatever a function is called. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(-NAME_LENGTH_MAX)
}
