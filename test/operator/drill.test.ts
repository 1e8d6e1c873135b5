/** `holdfast drill` as a user meets it: their own file, a scenario, a report, an exit code. Nothing is dialled. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CliIo } from '../../src/cli/io.ts'
import { createProgram, runCommandLine } from '../../src/cli/program.ts'
import type { DrillReport } from '../../src/drill/report.ts'

const CONFIG = `
providers:
  openai: { credential: "\${OPENAI_API_KEY}" }
  anthropic: { credential: "\${ANTHROPIC_API_KEY}" }
routes:
  smart: { targets: [openai/gpt-5, anthropic/claude-sonnet-4-5] }
  alone: { targets: [openai/gpt-5-mini] }
  cut: { targets: [openai/gpt-5, anthropic/claude-sonnet-4-5], rescue: off }
`

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'holdfast-drill-'))
  writeFileSync(path.join(folder, 'holdfast.yaml'), CONFIG)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function silent(): CliIo {
  return {
    out: () => {},
    err: () => {},
    style: (_, text) => text,
    env: {},
    directory: folder,
    signals: { on: () => {}, off: () => {} },
  }
}

async function run(...args: readonly string[]) {
  const out: string[] = []
  const err: string[] = []
  let code = -1
  const io = {
    ...silent(),
    out: (text: string) => out.push(text),
    err: (text: string) => err.push(text),
  }
  const program = createProgram(io, (ended) => {
    code = ended
  })
  const config = path.join(folder, 'holdfast.yaml')
  await program.parseAsync(['node', 'holdfast', 'drill', ...args, '--config', config])
  return { code, out: out.join('\n'), err: err.join('\n') }
}

async function drill(...args: readonly string[]): Promise<{ code: number; report: DrillReport }> {
  const { code, out } = await run(...args, '--json', '--requests', '1200')
  // Printed by the command itself.
  return { code, report: JSON.parse(out) as DrillReport }
}

const routeOf = (report: DrillReport, name: string) => {
  const found = report.routes.find(({ route }) => route === name)
  if (found === undefined) throw new Error(`the report has no ${name}`)
  return found
}

describe('holdfast drill', () => {
  test('an outage: a route with somebody else to ask answers, one without is told what to change', async () => {
    const { code, report } = await drill('outage:for=2h')
    expect(code).toBe(0)
    const smart = routeOf(report, 'smart')
    expect(smart.answeredShare).toBeGreaterThan(0.999)
    expect(smart.savedByOthers).toBeGreaterThan(0)
    const alone = routeOf(report, 'alone')
    expect(alone.answeredShare).toBeLessThan(0.95)
    expect(alone.verdict.result).toBe('missed')
    expect(alone.advice.map(({ rule }) => rule)).toContain('one-target')
    expect(alone.breakers.flatMap(({ spans }) => spans.map(({ state }) => state))).toContain('open')
    expect(report.placeholders).toEqual(['OPENAI_API_KEY', 'ANTHROPIC_API_KEY'])
  })

  test('a stated objective that is missed ends with 1, and a usual one does not', async () => {
    const stated = await drill('truncated-streams:share=30%,truncated=1%', '--route', 'cut')
    expect(stated.code).toBe(1)
    expect(stated.report.isPassed).toBe(false)
    expect(routeOf(stated.report, 'cut').advice.map(({ rule }) => rule)).toContain('rescue-off')
    expect((await drill('truncated-streams:share=30%', '--route', 'cut')).code).toBe(0)
  })

  test('the same seed gives the same report, another one another', async () => {
    const first = await drill('429-storm', '--seed', '7')
    expect(await drill('429-storm', '--seed', '7')).toEqual(first)
    expect((await drill('429-storm', '--seed', '8')).report).not.toEqual(first.report)
  })

  test('writes a page that asks nothing of anybody', async () => {
    const { code, out } = await run('outage', '--html', 'page.html', '--requests', '600')
    expect(code).toBe(0)
    expect(out).toMatch(/^smart +passed +\d/m)
    const page = readFileSync(path.join(folder, 'page.html'), 'utf8')
    expect(page).toContain('<svg role="img"')
    expect(page).not.toMatch(/<script|https?:\/\/|src=|@import/)
  })

  test('plays the day that the documentation shows', async () => {
    const page = readFileSync(new URL('../../docs/drill.md', import.meta.url), 'utf8')
    const [, day = ''] = /```yaml\n(name: monday\n[^`]*)```/.exec(page) ?? []
    writeFileSync(path.join(folder, 'monday.yaml'), day)
    const { report } = await drill('monday.yaml', '--route', 'smart')
    expect(report.scenario.weather.map(({ fault }) => fault)).toEqual(['overload', 'slow-first-token'])
    expect(routeOf(report, 'smart').verdict.objectives.filter(({ isStated }) => isStated)).toHaveLength(2)
  })

  test('takes a scenario of the user, and says where it is wrong', async () => {
    writeFileSync(
      path.join(folder, 'day.yaml'),
      'name: monday\nweather:\n  - { at: "9:00", for: 30m, provider: openai, fault: overload }\nobjectives: { answered: 99% }\n',
    )
    const played = await drill('day.yaml', '--route', 'smart')
    expect(played.code).toBe(0)
    expect(played.report.scenario.name).toBe('monday')
    writeFileSync(
      path.join(folder, 'wrong.yaml'),
      'weather:\n  - { at: "9:00", for: 30m, provider: opnai, fault: overload }\n',
    )
    const wrong = await run('wrong.yaml')
    expect(wrong.code).toBe(2)
    expect(wrong.err).toMatch(/wrong\.yaml:2:\d+.*opnai.*did you mean "openai"/)
  })

  test.each([
    [['outtage'], 'did you mean outage'],
    [['outage:provder=openai'], 'did you mean provider'],
    [['outage', '--route', 'smrt'], 'there is no route "smrt"'],
    [['nowhere.yaml'], 'nowhere.yaml cannot be read (ENOENT)'],
    [
      ['calm', '--requests', '5', '--html', 'no/such/folder/page.html'],
      'page.html cannot be written (ENOENT)',
    ],
  ])('refuses %j with 2', async (args, words) => {
    const { code, err } = await run(...args)
    expect(code).toBe(2)
    expect(err).toContain(words)
  })

  test.each([
    ['--requests', '0'],
    ['--requests', '1000001'],
    ['--requests', '1.5'],
    ['--seed', '-1'],
    ['--seed', 'x'],
  ])('refuses %s %s with 2', async (...args) => {
    const words: string[] = []
    const io = { ...silent(), err: (text: string) => words.push(text) }
    expect(await runCommandLine(['drill', 'calm', ...args], io)).toBe(2)
    expect(words.join('\n')).toContain('Give a whole number from')
  })

  test('falls upon the provider that the chosen route asks first', async () => {
    const second =
      'routes: { first: { targets: [openai/gpt-5] }, second: { targets: [anthropic/claude-sonnet-4-5] } }'
    writeFileSync(path.join(folder, 'two.yaml'), `providers: { openai: {}, anthropic: {} }\n${second}\n`)
    const words: string[] = []
    const io = { ...silent(), out: (text: string) => words.push(text) }
    const config = path.join(folder, 'two.yaml')
    const line = ['drill', 'outage', '--route', 'second', '--requests', '100', '--config', config, '--json']
    expect(await runCommandLine(line, io)).toBe(0)
    // Printed by the command itself.
    const report = JSON.parse(words.join('\n')) as DrillReport
    expect(report.scenario.weather).toMatchObject([{ where: { kind: 'provider', provider: 'anthropic' } }])
    expect(report.routes.map(({ route }) => route)).toEqual(['second'])
  })

  test('lists the scenarios there are', async () => {
    const { code, out } = await run('--list')
    expect(code).toBe(0)
    for (const name of [
      'outage',
      '429-storm',
      'slow-first-tokens',
      'truncated-streams',
      'region-loss',
      'calm',
    ])
      expect(out).toContain(name)
  })
})
