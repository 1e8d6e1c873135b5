import { expect, test, vi } from 'vitest'
import { type AuditLine, type AuditNote, chainAudit } from '../std/audit.ts'
import { clearNote, ClearWatch } from './cache-clearing.ts'

const cleared = clearNote({ atMs: 5, actor: 'cli', owner: {} })
const other: AuditNote = { atMs: 5, actor: 'cli', action: 'create-key', subject: 'key_1' }

function watching() {
  const lines: AuditLine[] = []
  const state = { isAway: false }
  const forget = vi.fn()
  const watch = new ClearWatch({
    log: {
      async auditLines({ limit }) {
        if (state.isAway) throw new Error('The store is away.')
        return { rows: lines.toReversed().slice(0, limit) }
      },
    },
    forget,
  })
  /** How often it forgets when it looks after these. */
  const after = async (...notes: readonly AuditNote[]) => {
    for (const note of notes) lines.push(chainAudit(note, lines.at(-1)))
    forget.mockClear()
    await watch.look()
    return forget.mock.calls.length
  }
  return { after, state, lines }
}

test('a line of the audit log says who emptied the cache, and of whose answers', () => {
  expect(cleared).toEqual({
    atMs: 5,
    actor: 'cli',
    action: 'clear-cache',
    subject: 'cache',
    after: { all: true },
  })
  const of = (owner: Parameters<typeof clearNote>[0]['owner']) =>
    clearNote({ atMs: 5, actor: 'cli', owner }).after
  expect([of({ project: 'prj_1' }), of({ key: 'key_1' })]).toEqual([{ project: 'prj_1' }, { key: 'key_1' }])
})

test('what is held is forgotten when another process has emptied the cache, and for no other change', async () => {
  const { after } = watching()
  await after(other)
  expect(await after(other)).toBe(0)
  expect(await after(cleared)).toBe(1)
  expect(await after()).toBe(0)
  expect(await after(other, cleared, other)).toBe(1)
  expect(await after(other)).toBe(0)
})

test('what is held is forgotten where nobody can tell: at the first look, beyond so many lines, after a restored log', async () => {
  const { after, state, lines } = watching()
  expect(await after(other)).toBe(1)
  expect(await after(...Array.from({ length: 100 }, () => other))).toBe(1)
  expect(await after(...Array.from({ length: 99 }, () => other))).toBe(0)
  state.isAway = true
  expect(await after(other)).toBe(1)
  state.isAway = false
  expect(await after()).toBe(1)
  lines.length = 3
  expect(await after()).toBe(1)
  expect(await after(other)).toBe(0)
})
