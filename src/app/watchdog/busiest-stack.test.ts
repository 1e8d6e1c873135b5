import { expect, test } from 'vitest'
import { busiestStack, FRAMES_MAX } from './busiest-stack.ts'

type Node = Parameters<typeof busiestStack>[0]['nodes'][number]

/** Each calls the next; the last one is where the time went. */
function calling(...frames: (Partial<Node['callFrame']> & Pick<Node, 'positionTicks'>)[]): Node[] {
  return frames.map(({ positionTicks, ...frame }, at) => ({
    id: at + 1,
    callFrame: {
      functionName: `f${at}`,
      scriptId: '1',
      url: 'file:///a.js',
      lineNumber: at,
      columnNumber: 0,
      ...frame,
    },
    hitCount: at === frames.length - 1 ? 9 : 0,
    ...(at < frames.length - 1 && { children: [at + 2] }),
    ...(positionTicks && { positionTicks }),
  }))
}

test('fault 137: a stack is told from where the time went outwards, by names and lines alone', () => {
  const own = new URL('./x.ts', import.meta.url).href
  const nodes = calling(
    { functionName: '(root)', url: '' },
    { functionName: 'listOnTimeout', url: 'node:internal/timers', lineNumber: 544 },
    { functionName: '', url: own, lineNumber: 6 },
    {
      functionName: 'spin\nreally',
      url: own,
      lineNumber: 10,
      positionTicks: [
        { line: 12, ticks: 1 },
        { line: 14, ticks: 8 },
      ],
    },
  )
  const nearby: Node = {
    id: 99,
    callFrame: { functionName: 'other', scriptId: '1', url: own, lineNumber: 0, columnNumber: 0 },
    hitCount: 3,
  }
  expect(busiestStack({ nodes: [nearby, ...nodes] })).toBe(
    'spin?really (src/app/watchdog/x.ts:14) < (anonymous) (src/app/watchdog/x.ts:7) < listOnTimeout (node:internal/timers:545)',
  )
})

test('fault 137: a collection of garbage is a place, and a thread that waits is none', () => {
  expect(
    busiestStack({
      nodes: calling({ functionName: '(root)', url: '' }, { functionName: '(garbage collector)', url: '' }),
    }),
  ).toBe('(garbage collector)')
  expect(
    busiestStack({
      nodes: calling({ functionName: '(root)', url: '' }, { functionName: '(idle)', url: '' }),
    }),
  ).toBeUndefined()
  expect(busiestStack({ nodes: [] })).toBeUndefined()
})

test('fault 137: a stack without end is told by its innermost frames', () => {
  const deep = busiestStack({ nodes: calling(...Array.from({ length: 500 }, () => ({}))) })
  expect(deep?.split(' < ')).toHaveLength(FRAMES_MAX)
  expect(deep).toMatch(/^f499 \(file:\/\/\/a\.js:500\) < f498 /)
})
