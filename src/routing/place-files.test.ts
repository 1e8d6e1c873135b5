import { expect, test, vi } from 'vitest'
import { anthropic } from '../providers/anthropic.ts'
import { groq } from '../providers/groq.ts'
import { openai } from '../providers/openai.ts'
import { createTarget } from '../providers/target.ts'
import { placeFiles } from './place-files.ts'

const targets = [createTarget(groq, 'a'), createTarget(openai, 'b'), createTarget(anthropic, 'c')]
const owners: Readonly<Record<string, string>> = { file_g: 'groq', file_a: 'anthropic', file_x: 'elsewhere' }

function place(fileIds: readonly string[], homeOrigin = 'openai', among = targets, isAnyKnown = true) {
  const get = vi.fn(() => ({ abilities: new Set<never>(), inputTokensMin: 0, fileIds }))
  const mayNameFiles = vi.fn(() => fileIds.length > 0)
  const needs = {
    mayNeed: () => true,
    mayNameFiles,
    bodyBytes: 1,
    get,
  }
  const { targets: left, skipped } = placeFiles(among, {
    needs,
    homeOrigin,
    isAnyKnown,
    ownerOf: (id) => owners[id],
  })
  return {
    left: left.map(({ id }) => id),
    skipped: skipped.map(({ targetId, lacks }) => [targetId, ...lacks]),
    get,
    mayNameFiles,
  }
}

test('a request that names a file goes to the provider that has it', () => {
  const { left, skipped } = place(['file_a'])
  expect(left).toEqual(['anthropic/c'])
  expect(skipped).toEqual([
    ['groq/a', 'file'],
    ['openai/b', 'file'],
  ])
})

test('a file that nobody remembers is taken to be of the company of the protocol, if that is a target', () => {
  expect(place(['file_unknown']).left).toEqual(['openai/b'])
  expect(place(['file_unknown'], 'google').left).toEqual(['groq/a', 'openai/b', 'anthropic/c'])
})

test('a file known to be elsewhere is refused, even where there is only one target', () => {
  expect(() => place(['file_x'], 'openai', targets.slice(0, 1))).toThrow(/file_x at elsewhere/)
  expect(() => place(['file_g', 'file_a'])).toThrow(/file_g at groq, file_a at anthropic/)
})

test('a request that names none costs no decoding', () => {
  const { left, get } = place([])
  expect(left).toHaveLength(3)
  expect(get).not.toHaveBeenCalled()
})

test('bytes are not searched for files where there is one target and no file is known of', () => {
  const [only] = targets
  const { left, mayNameFiles } = place(['file_unknown'], 'openai', only === undefined ? [] : [only], false)
  expect(left).toEqual(['groq/a'])
  expect(mayNameFiles).not.toHaveBeenCalled()
})
