import { expect, test } from 'vitest'
import { applyChanges } from '../../keys/directory-changes.ts'
import { EMPTY, madeKey, PEPPER, ScriptedDirectoryStore } from '../../keys/directory.test-support.ts'
import { createKey, revokeKey } from '../../keys/key-changes.ts'
import { changeKey } from '../../keys/record-changes.ts'
import type { Directory } from '../../keys/records.ts'
import { systemIds } from '../../std/ids.ts'
import { ManualClock } from '../../std/manual-clock.test-support.ts'
import { StoreUnavailable } from '../../std/store-error.ts'
import { changeDirectory } from './change-directory.ts'

/** Of a store that takes changes and answers nothing else; `isBounded`: whether the budgets could be read. */
function stage({ isBounded = true } = {}) {
  const store = new ScriptedDirectoryStore()
  const known: { current: Directory } = { current: EMPTY }
  const directory = {
    get current() {
      return known.current
    },
    take: (changes: Parameters<typeof applyChanges>[1], revision: number) => {
      known.current = applyChanges(known.current, changes)
      expect(known.current.revision).toBe(revision)
    },
    refresh: () => Promise.reject(new StoreUnavailable('The store did not answer.')),
  }
  const budgets = { look: async () => isBounded }
  const rooms = { store, directory, budgets, clock: new ManualClock(), ids: systemIds }
  // Sound: nothing else of the rooms and of the caller is asked for.
  const call = { rooms, caller: { actor: 'user:owner' } } as unknown as Parameters<typeof changeDirectory>[0]
  return { call, store, known }
}

test('what was stored is told and in force, though the store does not answer afterwards: a key is shown once', async () => {
  const { call, store, known } = stage()
  const make = { name: 'laptop' }
  const { edit, directory } = await changeDirectory(call, (before, context) =>
    createKey(before, make, { ...context, peppers: [PEPPER] }),
  )
  expect(edit.secret.reveal()).toMatch(/^sk-hf-/)
  expect(directory.keys.map(({ name }) => name)).toEqual(['laptop'])
  expect(known.current).toEqual(store.directory)

  await changeDirectory(call, (before, context) => revokeKey(before, edit.key.id, context))
  expect(known.current.keys[0]?.revokedAtMs).toBeDefined()
})

test('no key is made while the budgets cannot be read, and a revocation does not wait for them', async () => {
  const { call, store, known } = stage({ isBounded: false })
  const { record } = madeKey()
  store.putKey(record)
  known.current = store.directory
  const made = changeDirectory(call, (before, context) =>
    createKey(before, { name: 'laptop' }, { ...context, peppers: [PEPPER] }),
  )
  await expect(made).rejects.toMatchObject({ code: 'store_unavailable' })
  expect(store.directory.keys).toEqual([record])

  await changeDirectory(call, (before, context) =>
    changeKey(before, { key: record.id, limits: { requestsPerMinute: 1 } }, context),
  )
  expect(known.current.keys[0]?.limits).toEqual({ requestsPerMinute: 1 })
  await changeDirectory(call, (before, context) => revokeKey(before, record.id, context))
  expect(known.current.keys[0]?.revokedAtMs).toBeDefined()
})
