/** Keeps the house: the floors as data, and the proof that each rule can fail. Reasons are in docs/architecture.md. */

import { describe, expect, test } from 'vitest'
import { checkImports, checkStyle, type House } from '../tools/checks/house.ts'
import { readSourceFiles } from '../tools/checks/source-files.ts'

const house: House = {
  floors: {
    cli: 11,
    drill: 10,
    app: 9,
    http: 8,
    exchange: 7,
    execution: 6,
    routing: 5,
    upstream: 5,
    simulator: 5,
    providers: 4,
    stores: 4,
    dialects: 3,
    operations: 3,
    admission: 3,
    reports: 3,
    wire: 2,
    resilience: 2,
    keys: 2,
    provenance: 2,
    ledger: 2,
    journal: 2,
    cache: 2,
    guardrails: 2,
    archive: 2,
    telemetry: 2,
    // The ground floor: canonical may import errors, and both may import std.
    canonical: 1.2,
    errors: 1.1,
    std: 1,
  },
  closedRooms: {
    stores: [
      'src/app/open-store.ts',
      'src/app/keeping.ts',
      'src/app/config/schema.ts',
      'src/app/config/resolve-store.ts',
    ],
  },
  linesMax: 450,
  testLinesMax: 1_000,
  tables: ['src/errors/codes.ts'],
}

const sources = readSourceFiles('src')

describe('the house', () => {
  test('has source files to judge', () => {
    expect(sources.size).toBeGreaterThan(20)
  })

  test('lets imports point down, never up, sideways or in a circle', () => {
    expect(checkImports(sources, house)).toEqual([])
  })

  test('names, opens and sizes its files as the style says', () => {
    expect(checkStyle(sources, house)).toEqual([])
  })

  test('is described in docs/architecture.md with the same rooms on the same floors', () => {
    const text = readSourceFiles('docs').get('docs/architecture.md') ?? ''
    const described = describedRooms(text)
    const kept = Object.fromEntries(
      Object.entries(house.floors).map(([room, floor]) => [room, Math.floor(floor)]),
    )
    expect(Object.fromEntries(described.map(({ room, floor }) => [room, floor]))).toEqual(kept)
  })

  test('marks in docs/architecture.md exactly the rooms that have no code yet', () => {
    const text = readSourceFiles('docs').get('docs/architecture.md') ?? ''
    const built = new Set([...sources.keys()].map((path) => path.split('/')[1]))
    for (const { room, isReserved } of describedRooms(text)) {
      expect({ room, isReserved }).toEqual({ room, isReserved: !built.has(room) })
    }
  })
})

interface DescribedRoom {
  readonly room: string
  readonly floor: number
  readonly isReserved: boolean
}

/** The rooms in the picture of docs/architecture.md; a line without a floor continues the one above it. */
function describedRooms(text: string): readonly DescribedRoom[] {
  const picture = /^```\n(floor [^]*?)^```$/m.exec(text)?.[1] ?? ''
  let floor = 0
  return picture.split('\n').flatMap((line) => {
    floor = Number(/^floor +(\d+)/.exec(line)?.[1] ?? floor)
    return [...line.matchAll(/\b([a-z]+)\/(\*?)/g)].map((match) => ({
      room: match[1] ?? '',
      floor,
      isReserved: match[2] === '*',
    }))
  })
}

/** A small house on paper; every file opens well unless the test says otherwise. */
function paperHouse(files: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(Object.entries(files))
}

const opening = '/** What lives here, and why it exists. */\n'

describe('the house test', () => {
  test('accepts a downward arrow and an arrow inside a room', () => {
    const files = paperHouse({
      'src/execution/run.ts': `import { a } from './other.ts'\nimport type { B } from '../dialects/b.ts'`,
      'src/execution/other.ts': 'export const a = 1',
      'src/dialects/b.ts': 'export type B = string',
    })
    expect(checkImports(files, house)).toEqual([])
  })

  test.each([
    ['a static import', `import { serve } from '../exchange/serve.ts'`],
    ['an import over several lines', `import {\n  serve,\n} from '../exchange/serve.ts'`],
    ['a type-only import', `import type { Serve } from '../exchange/serve.ts'`],
    ['an import for its effect', `import '../exchange/serve.ts'`],
    ['a re-export', `export * from '../exchange/serve.ts'`],
    ['a named re-export', `export { type Serve } from "../exchange/serve.ts"`],
    ['a dynamic import', `const late = () => import('../exchange/serve.ts')`],
    ['an import type', `type Late = typeof import('../exchange/serve.ts')`],
  ])('names both files of an upward arrow made by %s', (_kind, text) => {
    const files = paperHouse({ 'src/upstream/send.ts': text, 'src/exchange/serve.ts': 'export {}' })
    const complaints = checkImports(files, house)
    expect(complaints).toHaveLength(1)
    expect(complaints[0]).toContain('src/upstream/send.ts')
    expect(complaints[0]).toContain('src/exchange/serve.ts')
    expect(complaints[0]).toContain('imports point down')
  })

  test.each([
    ['simulator', 'upstream'],
    ['upstream', 'routing'],
    ['routing', 'simulator'],
    ['wire', 'resilience'],
  ])('refuses the sideways arrow from %s to %s', (from, to) => {
    const files = paperHouse({
      [`src/${from}/a.ts`]: `import '../${to}/b.ts'`,
      [`src/${to}/b.ts`]: 'export {}',
    })
    expect(checkImports(files, house)).toEqual([expect.stringContaining('rooms on one floor')])
  })

  test('orders the ground floor: canonical above errors above std', () => {
    const arrow = (from: string, to: string) =>
      checkImports(
        paperHouse({ [`src/${from}/a.ts`]: `import '../${to}/b.ts'`, [`src/${to}/b.ts`]: 'export {}' }),
        house,
      )
    expect(arrow('canonical', 'errors')).toEqual([])
    expect(arrow('errors', 'std')).toEqual([])
    expect(arrow('std', 'errors')).toHaveLength(1)
    expect(arrow('errors', 'canonical')).toHaveLength(1)
  })

  test('ignores imports that are only spoken of in comments and strings', () => {
    const files = paperHouse({
      'src/upstream/send.ts': `// import '../exchange/serve.ts'\nconst text = "import '../exchange/serve.ts'"`,
      'src/exchange/serve.ts': 'export {}',
    })
    expect(checkImports(files, house)).toEqual([])
  })

  test('finds a circle between files of one room, type-only arrows included', () => {
    const files = paperHouse({
      'src/wire/a.ts': `import './b.ts'`,
      'src/wire/b.ts': `import type { C } from './c.ts'`,
      'src/wire/c.ts': `import './a.ts'`,
    })
    expect(checkImports(files, house)).toEqual([
      'import circle: src/wire/a.ts -> src/wire/b.ts -> src/wire/c.ts -> src/wire/a.ts',
    ])
  })

  test('refuses an unknown room and a file that stands in none', () => {
    const files = paperHouse({ 'src/utils/a.ts': 'export {}', 'src/loose.ts': 'export {}' })
    expect(checkImports(files, house)).toEqual([
      expect.stringContaining('src/utils/a.ts: "utils" is no room'),
      expect.stringContaining('src/loose.ts: "src" is no room'),
    ])
  })

  test('refuses an import of a missing file, of a test, and of something outside src/', () => {
    const files = paperHouse({
      'src/wire/a.ts': `import './gone.ts'\nimport './b.test.ts'\nimport '../../tools/check.ts'`,
      'src/wire/b.test.ts': '',
    })
    expect(checkImports(files, house)).toEqual([
      expect.stringContaining('there is no such file'),
      expect.stringContaining('nothing may depend on a test'),
      expect.stringContaining('it stands outside src/'),
    ])
  })

  test('lets tests use what is made for tests, and nothing else', () => {
    const files = paperHouse({
      'src/wire/a.test.ts': `import './clock.test-support.ts'`,
      'src/wire/a.ts': `import './clock.test-support.ts'`,
      'src/wire/clock.test-support.ts': 'export {}',
    })
    expect(checkImports(files, house)).toEqual([expect.stringMatching(/^src\/wire\/a\.ts.*depend on a test/)])
  })

  test('lets only the composition import stores', () => {
    const store = { 'src/stores/memory/a.ts': 'export {}' }
    const from = (path: string) =>
      checkImports(paperHouse({ ...store, [path]: `import '../stores/memory/a.ts'` }), house)
    expect(from('src/app/open-store.ts')).toEqual([])
    expect(from('src/app/config.ts')).toEqual([expect.stringContaining('may import stores/')])
  })

  test.each([
    ['a name that is not kebab-case', 'src/wire/sseParser.ts', `${opening}export {}`, 'kebab-case'],
    ['a file without an opening sentence', 'src/wire/sse.ts', 'export {}', 'open with one or two sentences'],
    ['an opening that says nothing', 'src/wire/sse.ts', '/** TODO */\nexport {}', 'open with one or two'],
    ['a file that is too long', 'src/wire/sse.ts', `${opening}${'\n'.repeat(450)}`, '451 lines, at most 450'],
    [
      'a function assigned to a property',
      'src/wire/sse.ts',
      `${opening}call.onEnd = (error) => tell(error)`,
      'give it a name first',
    ],
    [
      'one of a private property',
      'src/wire/sse.ts',
      `${opening}    this.#wake ??= async () => {\n`,
      'give it a name first',
    ],
    ['a test without code beside it', 'src/wire/far/sse.test.ts', '', 'no code beside'],
  ])('complains of %s', (_fault, path, text, complaint) => {
    expect(checkStyle(paperHouse({ [path]: text }), house)).toEqual([expect.stringContaining(complaint)])
  })

  test('accepts functions that have a name before they are assigned, and those of fields and literals', () => {
    const text = `${opening}class A {
  readonly #leave = () => this.end()
}
const end = () => {}
call.onEnd = end
call.onAll = { end: () => {}, is: a.b === (() => c) }
call.isOver = all.every((one) => one.isOver)
`
    expect(checkStyle(paperHouse({ 'src/wire/sse.ts': text }), house)).toEqual([])
  })

  test('accepts a program that opens with a shebang before its sentence', () => {
    const files = paperHouse({ 'src/cli/main.ts': `#!/usr/bin/env node\n${opening}export {}` })
    expect(checkStyle(files, house)).toEqual([])
  })
})
