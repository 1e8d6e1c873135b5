/** A scenario file of the simulator: YAML into a checked scenario, every mistake with its line and column. */

import { LineCounter, isNode, parseDocument } from 'yaml'
import { parseScenario, type Scenario } from '../simulator/scenario.ts'
import { type ConfigFault, formatPath, type Path } from './config/fault.ts'

/** Largest scenario file, characters. */
const SCENARIO_LENGTH_MAX = 1024 ** 2

export type ReadScenario =
  | { readonly ok: true; readonly scenario: Scenario }
  | { readonly ok: false; readonly faults: readonly ConfigFault[] }

export function readScenario(text: string, file: string): ReadScenario {
  const lineCounter = new LineCounter()
  const faultAt = (offset: number, path: Path, message: string): ConfigFault => {
    const { line, col } = lineCounter.linePos(offset)
    return { file, line: Math.max(1, line), column: Math.max(1, col), path: formatPath(path), message }
  }
  if (text.length > SCENARIO_LENGTH_MAX)
    return { ok: false, faults: [faultAt(0, [], 'the file is larger than 1 MiB')] }
  const document = parseDocument(text, { schema: 'core', prettyErrors: false, lineCounter })
  if (document.errors.length > 0) {
    return {
      ok: false,
      faults: document.errors.map(({ pos, message }) => faultAt(pos[0], [], `not valid YAML: ${message}`)),
    }
  }
  const parsed = parseScenario(document.toJS({ maxAliasCount: 100 }))
  if (parsed.type === 'scenario') return { ok: true, scenario: parsed.scenario }
  const faults = parsed.problems.map(({ path, message }) =>
    faultAt(offsetOf(document, path), path, `${formatPath(path) || 'the scenario'}: ${message}`),
  )
  return { ok: false, faults }
}

/** Where the value stands, or the nearest thing around it that is there. */
function offsetOf(document: ReturnType<typeof parseDocument>, path: Path): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true)
    if (isNode(node) && node.range) return node.range[0]
  }
  return 0
}
