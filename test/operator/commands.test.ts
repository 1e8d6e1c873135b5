import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startSimulator } from '../../src/simulator/server.ts'
import { readAnswer } from '../support/client-answer.ts'
import { runToEnd, startProcess } from '../support/gateway-process.ts'

const KEY = 'provider-key-0123456789'

describe('check, as a process', () => {
  const five = [
    'listen: 0.0.0.0:4141',
    'providers:',
    '  opnai: {}',
    '  backup: { dialect: openai-chat, baseUrl: "http://127.0.0.1:1/v1", credential: "${NOT_THERE_KEY}" }',
    'routes:',
    '  smart: { targets: [backup/m], deadline: 10 }',
    '  a: { targets: [b] }',
    '  b: { targets: [a] }',
    '',
  ].join('\n')

  test('reports five different faults, all five with file, line and column, and ends with 2', async () => {
    const { code, stdout, stderr } = await runToEnd({ command: 'check', config: five })
    expect(code).toBe(2)
    expect(stdout).toBe('')
    const told = stderr.trim().split('\n')
    expect(told.pop()).toMatch(/^5 faults in /)
    const places = told.map((line) => /holdfast\.yaml:(\d+:\d+): \S/.exec(line)?.[1])
    expect(places).toEqual(['1:9', '3:3', '4:81', '6:43', '8:18'])
  })

  test('reports them as data with --json', async () => {
    const { code, stdout } = await runToEnd({ command: 'check', words: ['--json'], config: five })
    expect(code).toBe(2)
    const told = JSON.parse(stdout)
    expect(told).toMatchObject({ ok: false })
    expect(told.faults).toHaveLength(5)
    for (const fault of told.faults) {
      expect(fault).toEqual({
        file: expect.stringMatching(/holdfast\.yaml$/),
        line: expect.any(Number),
        column: expect.any(Number),
        path: expect.any(String),
        message: expect.any(String),
      })
    }
  })
})

describe('doctor, as a process', () => {
  const configOf = (origin: string, dialect: string) => ({
    discover: false,
    listen: '127.0.0.1:0',
    providers: { it: { dialect, baseUrl: `${origin}/v1`, credential: KEY, models: ['tools'] } },
  })

  test.each(['openai-chat', 'anthropic-messages'])(
    'finds a provider in good health that speaks %s, and ends with 0',
    async (dialect) => {
      const simulator = await startSimulator({ credential: KEY })
      onTestFinished(() => simulator.close())
      const { code, stdout } = await runToEnd({
        command: 'doctor',
        words: ['--json'],
        config: configOf(simulator.origin, dialect),
      })
      const report = JSON.parse(stdout)
      const ofIt = report.checks.filter((one: { subject: string }) => one.subject === 'it')
      expect(ofIt.map(({ check, status }: Record<string, string>) => `${check} ${status}`)).toEqual(
        expect.arrayContaining(['dns ok', 'connection ok', 'key ok', 'completion ok', 'tool-call ok']),
      )
      expect(ofIt.every(({ status }: { status: string }) => status === 'ok')).toBe(true)
      expect(report.isHealthy).toBe(true)
      expect(code).toBe(0)
    },
  )

  test('says of a dead one what to do, and ends with 1', async () => {
    const simulator = await startSimulator()
    const { origin } = simulator
    await simulator.close()
    const { code, stdout } = await runToEnd({
      command: 'doctor',
      words: ['--json'],
      config: configOf(origin, 'openai-chat'),
    })
    expect(code).toBe(1)
    const report = JSON.parse(stdout)
    expect(report.isHealthy).toBe(false)
    expect(report.checks).toContainEqual(
      expect.objectContaining({
        subject: 'it',
        check: 'connection',
        status: 'fail',
        message: expect.stringContaining('ECONNREFUSED'),
        nextStep: 'Start it, or correct its baseUrl.',
      }),
    )
    expect(stdout).not.toContain(KEY)
  })
})

describe('simulate, as a process', () => {
  test('serves both dialects as a scenario file says', async () => {
    const scenario = [
      'seed: 7',
      'answers:',
      '  - { contains: weather, text: "It will rain." }',
      'faults:',
      '  - { fault: overloaded, first: 1 }',
      '',
    ].join('\n')
    await using simulate = await startProcess({
      command: 'simulate',
      words: ['--json', '--port', '0', '--scenario', 'scenario.yaml'],
      prepare: (folder) => writeFileSync(join(folder, 'scenario.yaml'), scenario),
    })
    const ask = (path: string) =>
      fetch(simulate.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          model: 'mock',
          max_tokens: 100,
          messages: [{ role: 'user', content: 'How is the weather?' }],
        }),
      })
    const overloaded = await ask('/v1/messages')
    expect(overloaded.status).toBe(529)
    await overloaded.text()
    const chat = await readAnswer(await ask('/v1/chat/completions'), 'openai-chat')
    expect(chat.text).toBe('It will rain.')
    const message = await readAnswer(await ask('/v1/messages'), 'anthropic-messages')
    expect(message.text).toBe('It will rain.')
    simulate.kill('SIGTERM')
    expect((await simulate.exited).code).toBe(0)
  })
})
