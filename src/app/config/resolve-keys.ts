/** Client keys: unique, and none that a guesser would try. */

import { describeKeyWeakness } from '../../keys/weak-key.ts'
import type { ClientKey } from './config.ts'
import type { Resolution } from './resolution.ts'
import { secretAt } from './resolution.ts'
import type { ConfigDocument } from './schema.ts'

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
    const weakness = describeKeyWeakness(key.reveal())
    const other = values.get(key.reveal())
    if (weakness !== undefined)
      faults.at(path, `keys[${index}].key: the key "${name}" ${weakness}: ${howToMake}`)
    else if (other !== undefined)
      faults.at(path, `keys[${index}].key: "${name}" has the same key as "${other}": give each its own`)
    values.set(key.reveal(), name)
    return [{ name, key }]
  })
}
