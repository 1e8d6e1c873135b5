import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { FIELDS_OF_THE_START } from '../../src/app/reload-rules.ts'
import { writeJsonSchema } from '../../src/app/config/schema.ts'
import type { JsonObject } from '../../src/std/json.ts'
import { configPage } from './config-page.ts'

// Sound: it is written as an object.
const schema = JSON.parse(writeJsonSchema()) as JsonObject
const page = configPage(schema)

test('docs/configuration.md is current (npm run schema writes it)', () => {
  expect(readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')).toBe(page)
})

test('every field has a line that says what it takes and what it is', () => {
  const lines = page.split('\n').filter((line) => line.startsWith('| `'))
  for (const line of lines) expect(line).toMatch(/^\| `[^`]+` \| [^|]+ \| .+ \|$/)
  const fields = lines.map((line) => line.split('`')[1])
  expect(new Set(fields).size).toBe(fields.length)
  expect(fields).toEqual(
    expect.arrayContaining([
      'listen',
      'admin.listen',
      'keys[].key',
      'providers.<name>.baseUrl',
      'routes.<name>.targets[].weight',
      'routes.<name>.cache.semantic.embeddings',
      'limits.eventLoopLag',
      'store.folder',
      'budgets.unknownPrice.input',
      'journal.ttl',
    ]),
  )
})

test('what a field takes is said in words', () => {
  const taken = (field: string) =>
    page
      .split('\n')
      .find((line) => line.startsWith(`| \`${field}\` |`))
      ?.split(' | ')[1]
  expect(taken('listen')).toBe('an address')
  expect(taken('limits.bodyBytes')).toBe('a size')
  expect(taken('routes.<name>.deadline')).toBe('a time')
  expect(taken('routes.<name>.retries')).toBe('a whole number, 0 to 3')
  expect(taken('admin')).toBe('`false`, a mapping')
  expect(taken('budgets.atLimit')).toBe('`length`, `error`')
})

test('what needs a restart is told by the names of fields that there are', () => {
  const said = page.split('\n').find((line) => line.includes('config_needs_restart'))
  for (const field of FIELDS_OF_THE_START) {
    const [name = ''] = field.split(' ')
    expect(said).toContain(`\`${name}\``)
    expect(page).toContain(`\n| \`${name}\` |`)
  }
  expect(FIELDS_OF_THE_START).toContain('listen')
})
