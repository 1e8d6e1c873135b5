import { describe } from 'vitest'
import { describeStore } from '../contract/store.contract.ts'
import { createMemoryStore } from './memory-store.ts'

describe('the memory store', () => {
  describeStore(async () => {
    const store = createMemoryStore()
    return { store, openAnother: async () => store, dispose: () => store.close() }
  })
})
