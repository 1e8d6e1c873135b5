/** `cut-stream(token=3,by=rst)`: how a person writes a fault, in a header or after a model name. */

export interface FaultExpression {
  readonly fault: string
  readonly parameters: Readonly<Record<string, string>>
}

/** Reads the name and the parameters; whether they exist is the registry's to say. */
export function parseFaultExpression(text: string): FaultExpression {
  const open = text.indexOf('(')
  if (open < 0) return { fault: text.trim(), parameters: {} }
  const inner = text.slice(open + 1).replace(/\)\s*$/, '')
  const pairs = inner.split(',').filter((pair) => pair.trim() !== '')
  return { fault: text.slice(0, open).trim(), parameters: Object.fromEntries(pairs.map(parsePair)) }
}

function parsePair(pair: string): readonly [string, string] {
  const equals = pair.indexOf('=')
  return equals < 0 ? [pair.trim(), 'true'] : [pair.slice(0, equals).trim(), pair.slice(equals + 1).trim()]
}

/** The expression as it is written, for records and messages. */
export function formatFault(fault: string, parameters: Readonly<Record<string, string | number>>): string {
  const pairs = Object.entries(parameters).map(([name, value]) => `${name}=${value}`)
  return pairs.length === 0 ? fault : `${fault}(${pairs.join(',')})`
}
