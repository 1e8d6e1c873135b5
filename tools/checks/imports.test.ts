import { expect, test } from 'vitest'
import { importsOf } from './imports.ts'

test('finds imports of every kind, in order, with their lines', () => {
  const text = [
    `import fs, { type A } from './a.ts'`,
    `import type { B } from "./b.ts"`,
    `import './c.ts'`,
    `export {`,
    `  d,`,
    `} from './d.ts'`,
    `const e = await import('./e.ts')`,
    `type F = import('./f.ts').F`,
    `export const from = 'nothing'`,
    `const g = \`import './not.ts' \${import('./g.ts')}\``,
  ].join('\n')
  expect(importsOf(text).map(({ specifier, line }) => [specifier, line])).toEqual([
    ['./a.ts', 1],
    ['./b.ts', 2],
    ['./c.ts', 3],
    ['./d.ts', 6],
    ['./e.ts', 7],
    ['./f.ts', 8],
    ['./g.ts', 10],
  ])
})

test('does not let an export reach for the "from" of a later statement', () => {
  expect(importsOf(`export const a = 1\nimport { b } from './b.ts'`)).toHaveLength(1)
  expect(importsOf(`export function f() { return Array.from('x') }`)).toEqual([])
})
