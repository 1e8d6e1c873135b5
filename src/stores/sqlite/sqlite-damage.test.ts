import {
  copyFileSync,
  existsSync,
  readFileSync,
  readdirSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createSeededRandom } from '../../std/ids.ts'
import { StoreSchemaError, StoreUnavailable } from '../../std/store-error.ts'
import { budget, charge, entry, key, nano, note } from '../contract/samples.test-support.ts'
import { CorruptFile } from './database.ts'
import type { LastKnown } from '../last-known.ts'
import { DatabaseFolder } from './sqlite.test-support.ts'

const KEYS = 300

let files: DatabaseFolder
beforeEach(() => {
  files = new DatabaseFolder()
})
afterEach(() => files.remove())

/** Many keys, a budget, and what was spent of it; closed. */
async function filled(): Promise<LastKnown> {
  const store = await files.open()
  await store.changeDirectory(
    Array.from({ length: KEYS }, (_, place) => ({ type: 'put-key', key: key(`key_${place}`) }) as const),
    [note('key_1')],
  )
  await store.putBudget(budget('bud_1', 1_000), [note('bud_1')])
  const charges = [charge('bud_1')]
  await store.postBooks({
    nodeId: 'node_1',
    entries: [entry('a', { costNanoUsd: nano(123), charges })],
    requests: [],
  })
  const snapshot = {
    directory: await store.loadDirectory(),
    budgets: await store.loadBudgets(),
    standings: await store.standings([charge('bud_1')]),
    budgetsRevision: await store.budgetsRevision(),
    postedUntilMs: 0,
  }
  await store.close()
  return snapshot
}

/** What a store holds of what is known. */
async function held(options: Parameters<DatabaseFolder['open']>[0]) {
  const store = await files.open(options)
  const { keys } = await store.loadDirectory()
  const budgets = await store.loadBudgets()
  const standings = await store.standings([charge('bud_1')])
  return { keys, budgets, standings }
}

function expected({ directory: { keys }, budgets, standings }: LastKnown) {
  return { keys, budgets, standings }
}

/** Old copies too, which SQLite leaves where pages were split. */
function replaceText(text: string, other: string): void {
  const bytes = readFileSync(files.path)
  let found = 0
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1), found += 1)
    bytes.write(other, at)
  expect(found).toBeGreaterThan(0)
  writeFileSync(files.path, bytes)
}

describe('fault 128: a damaged file never becomes an empty one', () => {
  test.each<readonly [string, () => void]>([
    ['cut to nothing', () => truncateSync(files.path, 0)],
    ['a key with one other letter', () => replaceText('"name of key_7"', '"name 0f key_7"')],
    ['a budget with one other letter', () => replaceText('"name of bud_1"', '"name 0f bud_1"')],
    ['a key that is no JSON any more', () => replaceText('"name of key_7"', '"name of"key_7"')],
  ])('%s: what is known comes back', async (_what, damage) => {
    const snapshot = await filled()
    damage()
    expect(await held({ lastKnown: async () => snapshot })).toEqual(expected(snapshot))
  })

  test('cut to nothing, and nothing known: it is refused', async () => {
    await filled()
    truncateSync(files.path, 0)
    await expect(files.open()).rejects.toThrow(CorruptFile)
    expect(statSync(files.path).size).toBe(0)
  })

  test('no room for the new one, while it is in use: nobody reads an empty one, and it is built when there is room', async () => {
    const snapshot = await filled()
    const store = await files.open({ lastKnown: async () => snapshot, bytesMax: 160_000 })
    writeFileSync(files.path, Buffer.alloc(statSync(files.path).size))
    for (let time = 0; time < 8; time += 1) {
      const read = await store
        .requests({ limit: 1 })
        .then(() => store.loadDirectory())
        .catch((error: unknown) => error)
      if (read instanceof Error) expect(read).toBeInstanceOf(StoreUnavailable)
      else expect(read).toMatchObject({ keys: snapshot.directory.keys })
    }
    await store.close()
    expect(await held({ lastKnown: async () => snapshot })).toEqual(expected(snapshot))
  })

  test('the process was killed when the old one was aside and the new one was not there', async () => {
    const snapshot = await filled()
    renameSync(files.path, `${files.path}.corrupt-2026`)
    expect(await held({ lastKnown: async () => snapshot })).toEqual(expected(snapshot))
  })

  test('the process was killed when the new one was there and empty', async () => {
    const snapshot = await filled()
    renameSync(files.path, `${files.path}.corrupt-2026`)
    await (await files.open()).close()
    expect(await held({ lastKnown: async () => snapshot })).toEqual(expected(snapshot))
  })

  test.each(['before the old one was aside', 'when its log alone was aside', 'when the old one was aside'])(
    'the process was killed %s, and the new one was whole: it is finished',
    async (when) => {
      const snapshot = await filled()
      const { path } = files
      copyFileSync(path, `${path}.whole`)
      writeFileSync(path, Buffer.alloc(8_192))
      writeFileSync(`${path}-wal`, 'of the damaged file')
      renameSync(`${path}.whole`, `${path}.fresh-${statSync(path, { bigint: true }).ino}`)
      if (when !== 'before the old one was aside') renameSync(`${path}-wal`, `${path}.corrupt-x-wal`)
      if (when === 'when the old one was aside') renameSync(path, `${path}.corrupt-x`)
      expect(await held({})).toEqual(expected(snapshot))
      expect(files.names.filter((name) => /corrupt-[^-]+(-\d.*)?(-wal)?$/.test(name))).toHaveLength(2)
      expect(files.names.filter((name) => name.includes('fresh'))).toEqual([])
    },
  )

  test('somebody put a backup in its place meanwhile: that one stays', async () => {
    const snapshot = await filled()
    writeFileSync(`${files.path}.fresh-1`, 'made for another file')
    expect(await held({})).toEqual(expected(snapshot))
    expect(files.names.filter((name) => /fresh|corrupt/.test(name))).toEqual([])
  })

  test('whichever of its bytes are flipped', async () => {
    const snapshot = await filled()
    const whole = readFileSync(files.path)
    for (let seed = 1; seed <= 5; seed += 1) {
      const random = createSeededRandom(seed)
      const bytes = Buffer.from(whole)
      for (let flip = 0; flip < 1 + Math.floor(random.next() * 40); flip += 1) {
        const at = Math.floor(random.next() * bytes.length)
        bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random.next() * 8))
      }
      const path = `${files.folder}/flipped-${seed}.db`
      writeFileSync(path, bytes)
      const store = await files.open({ path, lastKnown: async () => snapshot })
      expect({ seed, keys: (await store.loadDirectory()).keys }).toEqual({
        seed,
        keys: snapshot.directory.keys,
      })
      await store.close()
    }
  }, 60_000)
})

test('fault 129: a database of another program is left alone, whatever its number', async () => {
  const db = new DatabaseSync(files.path)
  db.exec('CREATE TABLE notes (id INTEGER)')
  db.close()
  await expect(files.open()).rejects.toThrow(StoreSchemaError)
  const after = new DatabaseSync(files.path)
  expect(after.prepare('SELECT name FROM sqlite_schema').all()).toEqual([{ name: 'notes' }])
  after.close()
  expect(existsSync(files.path)).toBe(true)
  expect(readdirSync(files.folder).filter((name) => name.includes('corrupt'))).toEqual([])
})
