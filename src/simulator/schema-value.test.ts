/** Values made from JSON Schemas satisfy them, whatever the schema. */

import { describe, expect, test } from 'vitest'
import { valueOfSchema } from './schema-value.ts'

describe('a value made from a schema', () => {
  test('has the required properties with their types', () => {
    const schema = {
      type: 'object',
      properties: {
        city: { type: 'string' },
        days: { type: 'integer', minimum: 3, maximum: 7 },
        unit: { type: 'string', enum: ['c', 'f'] },
        when: { type: 'string', format: 'date' },
        tags: { type: 'array', items: { type: 'string' }, minItems: 2 },
        exact: { const: 42 },
        maybe: { type: ['null', 'boolean'] },
        free: {},
      },
      required: ['city', 'days', 'unit', 'when', 'tags', 'exact', 'maybe'],
    }
    expect(valueOfSchema(schema)).toEqual({
      city: 'simulated',
      days: 3,
      unit: 'c',
      when: '2026-01-01',
      tags: ['simulated', 'simulated'],
      exact: 42,
      maybe: true,
    })
  })

  test('has every property where none is required', () => {
    expect(valueOfSchema({ properties: { a: { type: 'boolean' }, b: { type: 'null' } } })).toEqual({
      a: true,
      b: null,
    })
  })

  test('follows references, choices and intersections', () => {
    const schema = {
      $defs: { point: { type: 'object', properties: { x: { type: 'number' } }, required: ['x'] } },
      anyOf: [{ $ref: '#/$defs/point' }, { type: 'string' }],
    }
    expect(valueOfSchema(schema)).toEqual({ x: 1 })
    const both = { allOf: [{ properties: { a: { const: 1 } } }, { properties: { b: { const: 2 } } }] }
    expect(valueOfSchema(both)).toEqual({ a: 1, b: 2 })
  })

  test('keeps within lengths and bounds', () => {
    expect(valueOfSchema({ type: 'string', minLength: 12 })).toHaveLength(12)
    expect(valueOfSchema({ type: 'string', maxLength: 3 })).toBe('sim')
    expect(valueOfSchema({ type: 'number', exclusiveMaximum: -5 })).toBe(-6)
    expect(valueOfSchema({ type: 'integer', multipleOf: 5, minimum: 7 })).toBe(10)
  })

  test('ends for schemas that refer to themselves, point nowhere, or are nonsense', () => {
    const tree = {
      $defs: { node: { type: 'object', properties: { next: { $ref: '#/$defs/node' } } } },
      $ref: '#/$defs/node',
    }
    expect(JSON.stringify(valueOfSchema(tree)).length).toBeLessThan(1000)
    const wide = { type: 'array', minItems: 1e9, items: { type: 'array', minItems: 1e9 } }
    expect(JSON.stringify(valueOfSchema(wide)).length).toBeLessThan(10_000)
    expect(valueOfSchema({ $ref: 'https://example.com/elsewhere' })).toBeNull()
    expect(valueOfSchema({ $ref: '#/constructor/prototype' })).toBeNull()
    expect(valueOfSchema('nonsense')).toBeNull()
    expect(valueOfSchema({ default: JSON.parse('['.repeat(50_000) + ']'.repeat(50_000)) })).toBeNull()
  })

  test('does not touch prototypes', () => {
    const schema = JSON.parse(
      '{"type":"object","properties":{"__proto__":{"type":"object","properties":{"polluted":{"const":true}}}}}',
    )
    expect(Object.keys(valueOfSchema(schema) ?? {})).toEqual(['__proto__'])
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
  })
})
