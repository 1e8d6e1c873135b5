/** Finds every way in which one TypeScript file names another: static, type-only, re-exported, dynamic, `import()` types. */

import { lineAt, maskSource } from './mask.ts'

export interface Import {
  readonly specifier: string
  readonly line: number
  /** Erased when the file runs. */
  readonly isTypeOnly: boolean
}

const fromClause = /\b(import|export)(\s+type)?\b[^;'"`]*?\bfrom\s*(['"])/g
const sideEffect = /\bimport\s*(['"])/g
const dynamic = /\bimport\s*\(\s*(['"`])/g

/** All imports of a source file, in the order in which they stand. */
export function importsOf(text: string): readonly Import[] {
  const { code } = maskSource(text)
  const found = [fromClause, sideEffect, dynamic].flatMap((pattern) =>
    [...code.matchAll(pattern)].map((match) => {
      const start = match.index + match[0].length
      const quote = match[0].at(-1) ?? ''
      return {
        specifier: text.slice(start, code.indexOf(quote, start)),
        line: lineAt(text, start),
        isTypeOnly: match[2] !== undefined && pattern === fromClause,
        start,
      }
    }),
  )
  return found
    .toSorted((one, other) => one.start - other.start)
    .map(({ specifier, line, isTypeOnly }) => ({ specifier, line, isTypeOnly }))
}
