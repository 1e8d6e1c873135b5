import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Spool, SpoolError } from './spool.ts'

function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'spool-test-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

async function text(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(Buffer.from(chunk))
  return Buffer.concat(all).toString()
}

async function filled(options: { readonly memoryBytesMax: number; readonly folder: string }): Promise<Spool> {
  const spool = new Spool(options)
  for (const piece of ['abc', 'defgh', '', 'ij']) await spool.write(Buffer.from(piece))
  return spool
}

describe('a spool', () => {
  test.each([0, 1, 4, 8, 9, 10, 100])(
    'gives back any range, %i bytes of it in memory',
    async (memoryBytesMax) => {
      const spool = await filled({ memoryBytesMax, folder: folder() })
      onTestFinished(() => spool.close())
      expect([spool.length, spool.fileBytes]).toEqual([10, Math.max(0, 10 - memoryBytesMax)])
      const whole = 'abcdefghij'
      for (let start = 0; start <= 10; start += 1)
        for (let end = start; end <= 10; end += 1)
          expect(await text(spool.read(start, end))).toBe(whole.slice(start, end))
    },
  )

  test('is read several times at once', async () => {
    const spool = await filled({ memoryBytesMax: 4, folder: folder() })
    onTestFinished(() => spool.close())
    expect(await Promise.all([text(spool.read(0, 10)), text(spool.read(0, 10))])).toEqual([
      'abcdefghij',
      'abcdefghij',
    ])
  })

  test('writes nothing to disk as long as memory suffices, and never leaves a name there', async () => {
    const place = folder()
    const small = await filled({ memoryBytesMax: 10, folder: '/dev/null/nowhere' })
    const large = await filled({ memoryBytesMax: 2, folder: place })
    expect(small.fileBytes).toBe(0)
    expect(readdirSync(place)).toEqual([])
    await Promise.all([small.close(), large.close()])
  })

  test('keeps the order of pieces that nobody waited for', async () => {
    const spool = new Spool({ memoryBytesMax: 0, folder: folder() })
    onTestFinished(() => spool.close())
    let last: Promise<void> | undefined
    for (let index = 0; index < 50; index += 1) last = spool.write(Buffer.from(`${index},`))
    await last
    expect(await text(spool.read(0, spool.length))).toBe(
      Array.from({ length: 50 }, (_, index) => `${index},`).join(''),
    )
  })

  test('says what the disk would not do', async () => {
    const spool = new Spool({ memoryBytesMax: 0, folder: '/dev/null/nowhere' })
    await expect(spool.write(Buffer.from('a'))).rejects.toBeInstanceOf(SpoolError)
    await spool.close()
  })

  test('is closed while it is read: the reader hears of it', async () => {
    const spool = new Spool({ memoryBytesMax: 0, folder: folder() })
    await spool.write(Buffer.alloc(200_000))
    const chunks = spool.read(0, spool.length)
    await chunks.next()
    await spool.close()
    await spool.close()
    await expect(chunks.next()).rejects.toBeInstanceOf(SpoolError)
  })
})
