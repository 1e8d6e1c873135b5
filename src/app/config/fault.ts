/** What is wrong with a configuration, where, and how to mend it. */

export interface ConfigFault {
  /** The file as the operator named it; `holdfast.yaml` where only text was given. */
  readonly file: string
  /** From 1. */
  readonly line: number
  /** From 1. */
  readonly column: number
  /** Where in the document, dotted: `routes.smart.deadline`; empty for the whole. */
  readonly path: string
  /** What is wrong, what was meant, how to mend it. Never holds a secret. */
  readonly message: string
}

/** A step into the document: a field's name, or a place in a list. */
export type Path = readonly (string | number)[]

/** `file:line:column: message`, as compilers write it, so that editors can jump there. */
export function formatFault({ file, line, column, message }: ConfigFault): string {
  return `${file}:${line}:${column}: ${message}`
}

/** `routes.smart.targets[0]`. */
export function formatPath(path: Path): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`
    const word = /^[\w-]+$/.test(step) ? step : JSON.stringify(step)
    return text === '' ? word : `${text}.${word}`
  }, '')
}

/** Characters of a value that a fault shows. */
export const QUOTED_LENGTH_MAX = 60

/** A value from the file as a fault may show it: short, escaped, and without what looks like a secret. */
export function quote(text: string): string {
  const safe = text
    .replace(/\/\/[^/\s@]*@/g, '//…@')
    .replace(/(\/\/[^\s?#]*[?#])\S+/g, '$1…')
    .replace(/\b(sk-|gsk_|xai-|AIza|Bearer\s+)[\w.-]{6,}/g, '$1…')
  return JSON.stringify(safe.length > QUOTED_LENGTH_MAX ? `${safe.slice(0, QUOTED_LENGTH_MAX)}…` : safe)
}
