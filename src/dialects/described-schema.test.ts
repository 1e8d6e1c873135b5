import { describe, expect, test } from 'vitest'
import { describedSchema, losesDescription } from './described-schema.ts'

describe('the description of a schema', () => {
  test('goes into it', () => {
    const format = { type: 'json-schema', schema: { type: 'object' }, description: 'A place.' } as const
    expect(describedSchema(format)).toEqual({ type: 'object', description: 'A place.' })
    expect(losesDescription(format)).toBe(false)
  })

  test('is lost where the schema has another of its own, and not where there is none', () => {
    const schema = { type: 'object', description: 'Mine.' }
    const format = { type: 'json-schema', schema, description: 'A place.' } as const
    expect(describedSchema(format)).toBe(schema)
    expect(losesDescription(format)).toBe(true)
    expect(losesDescription({ type: 'json-schema', schema })).toBe(false)
    expect(losesDescription({ ...format, description: 'Mine.' })).toBe(false)
  })
})
