/** The registry of faults: each described, each tested beside its group, each found under a mistaken name. */

import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { faults, nearestFault } from './faults.ts'

describe('the registry', () => {
  test('has no fault that is not asked for on the wire by a test of its group', () => {
    const folder = new URL('./faults/', import.meta.url)
    const tests = readdirSync(folder)
      .filter((name) => name.endsWith('-faults.test.ts'))
      .map((name) => readFileSync(new URL(name, folder), 'utf8'))
      .join('\n')
    // The faults named after their status are tested by iterating over them.
    const names = [...faults.keys()].filter((name) => !/^status-\d+$/.test(name))
    expect(names.filter((name) => !new RegExp(`['"\`:/ ]${name}['"\`(]`).test(tests))).toEqual([])
  })

  test('describes every fault and parameter in a sentence', () => {
    for (const fault of faults.values()) {
      expect(fault.description).toMatch(/^[A-Z].*\.$/)
      for (const parameter of Object.values(fault.parameters)) expect(parameter.description).not.toBe('')
    }
  })

  test('finds the name that was meant', () => {
    expect(nearestFault('cut-steam')).toBe('cut-stream')
    expect(nearestFault('statsu-503')).toBe('status-503')
    expect(nearestFault('something else entirely')).toBeUndefined()
  })
})
