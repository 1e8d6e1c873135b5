import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../std/clock.ts'
import { createLogWriter, type LogFormat, type LogLevel } from './log-writer.ts'
import type { AttemptRecord, ExchangeRecord, NoticeRecord } from './records.ts'
import { createTelemetry } from './telemetry.ts'

const exchange: ExchangeRecord = {
  exchangeId: 'req_1',
  state: 'completed',
  dialect: 'openai-chat',
  operation: 'chat',
  modelId: 'smart',
  route: 'smart',
  keyName: 'laptop',
  sessionId: 's-1',
  target: 'fake/model',
  attempts: 1,
  stream: true,
  status: 200,
  requestBytes: 10,
  responseBytes: 20,
  durationMs: 12.34567,
  overheadMs: 0.1234,
  usage: { inputTokens: 3, outputTokens: 4, raw: { prompt: 'the whole prompt' } },
  losses: [{ field: 'logprobs', reason: 'none there' }],
  isSimulated: false,
}

const attempt: AttemptRecord = {
  exchangeId: 'req_1',
  number: 1,
  target: 'fake/model',
  provider: 'fake',
  outcome: 'completed',
  durationMs: 5,
  usageSource: 'reported',
  isWaste: false,
  flags: [],
}

function startLog(level?: LogLevel, format?: LogFormat, before?: readonly NoticeRecord[]) {
  const telemetry = createTelemetry()
  let text = ''
  createLogWriter({
    telemetry,
    gatherMs: 0,
    clock: { ...systemClock, wallMs: () => Date.UTC(2026, 10, 24, 1, 2, 3, 4) },
    ...(level === undefined ? {} : { level }),
    ...(format === undefined ? {} : { format }),
    ...(before === undefined ? {} : { before }),
    writeBytes: (_fd, bytes, done) => {
      text += Buffer.from(bytes).toString()
      done(null, bytes.length)
    },
  })
  return {
    telemetry,
    text: () => text,
    lines: () =>
      text
        .split('\n')
        .slice(0, -1)
        .map((line): Record<string, unknown> => JSON.parse(line)),
  }
}

/** What a terminal obeys or does not show, the ends of lines apart. */
function isHidden(character: string): boolean {
  return character !== '\n' && /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(character)
}

describe('the log', () => {
  test('begins with what was noticed before it was opened', () => {
    const early: NoticeRecord = { level: 'warn', name: 'store_trouble', message: 'The store is away.' }
    const { telemetry, lines } = startLog('warn', 'json', [
      early,
      { level: 'info', name: 'store_answering', message: 'The store answers again.' },
    ])
    telemetry.notices.publish({ level: 'warn', name: 'later', message: 'Later.' })
    expect(lines().map(({ notice }) => notice)).toEqual(['store_trouble', 'later'])
  })

  test('has one line for each attempt, exchange and notice', () => {
    const { telemetry, lines } = startLog()
    telemetry.attempts.publish(attempt)
    telemetry.exchanges.publish(exchange)
    telemetry.notices.publish({
      level: 'warn',
      name: 'config_reloaded',
      message: 'Reloaded.',
      facts: { routes: 2 },
    })
    expect(lines()).toEqual([
      {
        level: 'info',
        time: '2026-11-24T01:02:03.004Z',
        msg: 'attempt',
        exchangeId: 'req_1',
        attempt: 1,
        target: 'fake/model',
        outcome: 'completed',
        durationMs: 5,
        usageSource: 'reported',
        isWaste: false,
      },
      {
        level: 'info',
        time: '2026-11-24T01:02:03.004Z',
        msg: 'exchange',
        exchangeId: 'req_1',
        state: 'completed',
        dialect: 'openai-chat',
        operation: 'chat',
        model: 'smart',
        route: 'smart',
        keyName: 'laptop',
        sessionId: 's-1',
        target: 'fake/model',
        attempts: 1,
        stream: true,
        status: 200,
        requestBytes: 10,
        responseBytes: 20,
        durationMs: 12.35,
        overheadMs: 0.12,
        usage: { inputTokens: 3, outputTokens: 4 },
        losses: ['logprobs'],
        isSimulated: false,
      },
      {
        level: 'warn',
        time: '2026-11-24T01:02:03.004Z',
        msg: 'Reloaded.',
        notice: 'config_reloaded',
        facts: { routes: 2 },
      },
    ])
  })

  test('says why a request was turned away', () => {
    const { telemetry, lines } = startLog()
    telemetry.exchanges.publish({
      ...exchange,
      state: 'rejected',
      code: 'invalid_request',
      message: '"messages" must be an array.',
    })
    expect(lines()[0]).toMatchObject({ code: 'invalid_request', reason: '"messages" must be an array.' })
  })

  test('SEC-25: holds no prompt, not even by way of what a provider reported', () => {
    const { telemetry, text } = startLog()
    telemetry.exchanges.publish(exchange)
    telemetry.attempts.publish({ ...attempt, usage: { raw: 'the whole prompt' } })
    expect(text()).not.toContain('the whole prompt')
  })

  test.each([
    ['a line break', 'a\n{"level":"info","msg":"forged"}\r\n'],
    ['a terminal escape', 'a\u001b[31mred\u001b[0m\u009b31m'],
    ['a zero byte and a delete', 'a\u0000\u007f'],
    ['direction marks', 'a\u202egnp.exe\u2066\u200f'],
    ['line separators', 'a\u2028b\u2029c'],
    ['a quote and a backslash', 'a","level":"error\\'],
    ['a lone surrogate', 'a\ud800'],
  ])('SEC-39: keeps %s inside one line, escaped', (_name, hostile) => {
    const { telemetry, text, lines } = startLog()
    telemetry.exchanges.publish({ ...exchange, modelId: hostile, route: hostile })
    telemetry.attempts.publish({ ...attempt, outcome: 'failed', message: hostile })
    telemetry.notices.publish({ level: 'error', name: 'x', message: hostile, facts: { hostile } })
    expect(text().split('\n')).toHaveLength(4)
    expect(Array.from(text()).filter(isHidden)).toEqual([])
    const [first] = lines()
    expect(first?.['model']).toBe(hostile)
    expect(first?.['level']).toBe('info')
  })

  test('has short lines for people where that is asked for, as safe as the others', () => {
    const { telemetry, text } = startLog('info', 'pretty')
    telemetry.notices.publish({
      level: 'warn',
      name: 'x',
      message: 'One\nline \u001b[31m\u202e',
      facts: { at: 'a b' },
    })
    telemetry.attempts.publish(attempt)
    expect(text()).toBe(
      '01:02:03.004 WARN  One\\nline \\u001b[31m\\u202e notice=x facts={"at":"a b"}\n' +
        '01:02:03.004 INFO  attempt exchangeId=req_1 attempt=1 target=fake/model outcome=completed durationMs=5 ' +
        'usageSource=reported isWaste=false\n',
    )
  })

  test('cuts what is long', () => {
    const { telemetry, text } = startLog()
    telemetry.exchanges.publish({
      ...exchange,
      modelId: 'm'.repeat(1_000_000),
      losses: Array.from({ length: 10_000 }, () => ({ field: 'f'.repeat(10_000), reason: '' })),
    })
    expect(text().length).toBeLessThan(20_000)
  })

  test.each([
    ['info', 5],
    ['warn', 3],
    ['error', 1],
    ['silent', 0],
  ] as const)('at level %s has %d of five lines', (level, count) => {
    const { telemetry, lines } = startLog(level)
    telemetry.attempts.publish(attempt)
    telemetry.attempts.publish({ ...attempt, outcome: 'failed' })
    telemetry.exchanges.publish({ ...exchange, state: 'rejected' })
    telemetry.exchanges.publish({ ...exchange, state: 'truncated' })
    telemetry.notices.publish({ level: 'error', name: 'x', message: 'y' })
    expect(lines()).toHaveLength(count)
  })
})

describe.skipIf(process.platform === 'win32')('fault 140: standard output', () => {
  const logger = fileURLToPath(new URL('../../test/support/chatty-logger.ts', import.meta.url))

  interface Report {
    readonly droppedLines: number
    readonly longestTurnMs: number
  }

  const reportOf = (text: string): Report => JSON.parse(/\{.*\}/.exec(text)?.[0] ?? '') // The logger's own report.

  /** Standard output is a socket here, as Node's own children have it. */
  const run = async (read: (stdout: NodeJS.ReadableStream & { destroy(): void }) => void) => {
    const child = spawn(process.execPath, [logger])
    read(child.stdout)
    let report = ''
    child.stderr.on('data', (chunk: Buffer) => void (report += chunk.toString()))
    const exitCode = await new Promise((resolve) => child.on('exit', resolve))
    return { exitCode, report: reportOf(report) }
  }

  /** Standard output is a pipe here, as a shell has it, into a program that does as told. */
  const runPiped = async (reader: string) => {
    const script = `{ "$0" "$1"; echo "exit $?" >&2; } | ${reader}`
    const child = spawn('sh', ['-c', script, process.execPath, logger])
    let report = ''
    child.stderr.on('data', (chunk: Buffer) => void (report += chunk.toString()))
    await expect.poll(() => report).toContain('exit')
    child.kill()
    return { exitCode: Number(/exit (\d+)/.exec(report)?.[1]), report: reportOf(report) }
  }

  test.each([
    ['a socket', () => run((stdout) => stdout.pause())],
    ['a pipe', () => runPiped('exec sleep 10')],
  ])('as %s that nobody reads costs lines, not time, and the process still ends', async (_name, start) => {
    const { exitCode, report } = await start()
    expect(exitCode).toBe(0)
    expect(report.droppedLines).toBeGreaterThan(1_000)
    expect(report.longestTurnMs).toBeLessThan(500)
  })

  test.each([
    ['a socket', () => run((stdout) => stdout.destroy())],
    ['a pipe', () => runPiped('true')],
  ])('as %s that is closed costs lines, not the process', async (_name, start) => {
    const { exitCode, report } = await start()
    expect(exitCode).toBe(0)
    expect(report.droppedLines).toBeGreaterThan(1_000)
  })

  test('that is read gets every line', async () => {
    let lines = 0
    const { exitCode, report } = await run((stdout) =>
      stdout.on('data', (chunk: Buffer) => {
        for (const byte of chunk) if (byte === 10) lines += 1
      }),
    )
    expect(exitCode).toBe(0)
    expect(lines + report.droppedLines).toBe(20_000)
    expect(lines).toBeGreaterThan(1_000)
  })
})
