/** Client keys: unique, and none that a guesser would try. */

import type { ClientKey } from './config.ts'
import type { Resolution } from './resolution.ts'
import { secretAt } from './resolution.ts'
import type { ConfigDocument } from './schema.ts'

/** Shortest client key, characters. */
export const KEY_LENGTH_MIN = 16
/** Fewest different characters in a client key. */
const KEY_VARIETY_MIN = 6

const howToMake = "make one with: node -p \"'sk-' + crypto.randomBytes(24).toString('hex')\""

export function resolveKeys(document: ConfigDocument['keys'], resolution: Resolution): readonly ClientKey[] {
  const { faults } = resolution
  const names = new Map<string, number>()
  const values = new Map<string, string>()
  return document.flatMap(({ name, key: reference }, index) => {
    const first = names.get(name)
    if (first === undefined) names.set(name, index)
    else
      faults.at(
        ['keys', index, 'name'],
        `keys[${index}].name: "${name}" is the name of keys[${first}] too: choose another`,
      )
    const path = ['keys', index, 'key']
    const key = secretAt(reference, path, resolution)
    if (key === undefined) return []
    const weakness = whyWeak(key.reveal())
    const other = values.get(key.reveal())
    if (weakness !== undefined)
      faults.at(path, `keys[${index}].key: the key "${name}" ${weakness}: ${howToMake}`)
    else if (other !== undefined)
      faults.at(path, `keys[${index}].key: "${name}" has the same key as "${other}": give each its own`)
    values.set(key.reveal(), name)
    return [{ name, key }]
  })
}

function whyWeak(key: string): string | undefined {
  if (key.length < KEY_LENGTH_MIN)
    return `is only ${key.length} characters long, at least ${KEY_LENGTH_MIN} are needed`
  if (key.includes(' ')) return 'holds a space'
  if (new Set(key).size < KEY_VARIETY_MIN) return 'repeats a few characters and can be guessed'
  if (
    /^(sk-)?(1234|changeme|change-me|password|secret|example|your[-_]|test[-_]?key|insert|placeholder)/i.test(
      key,
    )
  ) {
    return 'is a placeholder that others know as well'
  }
  return undefined
}
