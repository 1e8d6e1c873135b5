import { describe, expect, test } from 'vitest'
import { type AuditLine, type AuditNote, chainAudit } from '../std/audit.ts'
import { verifyAudit } from './verify-audit.ts'

function chain(count: number): AuditLine[] {
  const lines: AuditLine[] = []
  for (let index = 0; index < count; index += 1) {
    const note: AuditNote = { atMs: index, actor: 'cli', action: 'create-key', subject: `key_${index}` }
    lines.push(chainAudit(note, lines.at(-1)))
  }
  return lines
}

/** As a store pages: the newest first. */
const pager = (lines: readonly AuditLine[]) => ({
  asked: 0,
  async auditLines({ cursor, limit }: { readonly cursor?: string; readonly limit: number }) {
    this.asked += 1
    const from = Number(cursor ?? 0)
    const rows = lines.toReversed().slice(from, from + limit)
    return { rows, ...(from + limit < lines.length && { next: String(from + limit) }) }
  },
})

describe('the chain of the audit log', () => {
  test.each([0, 1, 2, 3, 4, 7, 9])('is whole over pages of 3: %i lines', async (count) => {
    const lines = chain(count)
    const verdict = await verifyAudit(pager(lines), 3)
    const last = lines.at(-1)
    expect(verdict).toEqual({
      isWhole: true,
      lines: count,
      ...(last && { last: { sequence: last.sequence, hash: last.hash } }),
    })
  })

  test('names the first line that does not follow, wherever on a page it stands', async () => {
    for (let place = 0; place < 7; place += 1) {
      const changed = chain(7).map((line, index) => (index === place ? { ...line, actor: 'user:x' } : line))
      expect(await verifyAudit(pager(changed), 3)).toMatchObject({ isWhole: false, brokenAt: place + 1 })
      const rehashed = chain(7).map((line, index) =>
        index === place
          ? chainAudit({ ...line, actor: 'user:x' }, { sequence: place, hash: line.previousHash })
          : line,
      )
      // The last line has nothing after it that would tell.
      const expected = place === 6 ? { isWhole: true } : { isWhole: false, brokenAt: place + 2 }
      expect(await verifyAudit(pager(rehashed), 3)).toMatchObject(expected)
    }
  })

  test('notices lines that are gone, at the beginning and in the middle', async () => {
    for (let place = 0; place < 6; place += 1) {
      const cut = chain(7).filter((_, index) => index !== place)
      expect(await verifyAudit(pager(cut), 3)).toMatchObject({ isWhole: false, brokenAt: place + 2 })
    }
  })
})
