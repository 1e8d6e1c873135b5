/**
 * Coding agents from npm, unmodified and without a terminal, each given a task that needs a tool: through the gateway, to
 * a simulated provider that speaks another dialect than the agent does.
 */

import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type EveryDialect, openEveryDialect, type TargetName } from '../support/every-dialect.ts'

const KEY = 'key-of-the-agents-0123456789abcdef'
const WORDS = 'The file is written.'
const COMMAND = 'printf holdfast > out.txt'

interface Agent {
  readonly name: string
  /** The dialects it does not speak, as targets. */
  readonly targets: readonly TargetName[]
  /** The tool that runs a command, and its arguments. */
  readonly tool: { readonly name: string; readonly arguments: object }
  readonly bin: string
  prepare(place: Place): { readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> }
}

interface Place {
  readonly url: string
  readonly home: string
  readonly model: string
  readonly prompt: string
}

const agents: readonly Agent[] = [
  {
    name: 'codex',
    targets: ['chat', 'messages', 'gemini'],
    tool: { name: 'exec_command', arguments: { cmd: COMMAND, yield_time_ms: 5_000 } },
    bin: 'codex',
    prepare({ url, home, model, prompt }) {
      const config = [
        `model = "${model}"`,
        'model_provider = "holdfast"',
        'check_for_update_on_startup = false',
        '[analytics]',
        'enabled = false',
        '[model_providers.holdfast]',
        'name = "Holdfast"',
        `base_url = "${url}/v1"`,
        'env_key = "HOLDFAST_API_KEY"',
        'wire_api = "responses"',
      ]
      writeText(join(home, '.codex', 'config.toml'), config.join('\n'))
      const args = ['exec', '--skip-git-repo-check', '--sandbox', 'danger-full-access', prompt]
      return { args, env: { CODEX_HOME: join(home, '.codex'), HOLDFAST_API_KEY: KEY } }
    },
  },
  {
    name: 'gemini-cli',
    targets: ['chat', 'messages', 'responses'],
    tool: { name: 'run_shell_command', arguments: { command: COMMAND, description: 'writes the file' } },
    bin: 'gemini',
    prepare({ url, home, model, prompt }) {
      const settings = {
        general: { disableAutoUpdate: true, disableUpdateNag: true, enableAutoUpdate: false },
        privacy: { usageStatisticsEnabled: false },
        telemetry: { enabled: false },
        security: { auth: { selectedType: 'gemini-api-key' }, folderTrust: { enabled: false } },
      }
      writeText(join(home, '.gemini', 'settings.json'), JSON.stringify(settings))
      return {
        args: ['--yolo', '--model', model, '--prompt', prompt],
        env: { GOOGLE_GEMINI_BASE_URL: url, GEMINI_API_KEY: KEY, GEMINI_CLI_TRUST_WORKSPACE: 'true' },
      }
    },
  },
]

function writeText(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

let world: EveryDialect
beforeAll(async () => {
  world = await openEveryDialect({
    config: { keys: [{ name: 'agents', key: KEY }] },
    scenario: {
      answers: agents.flatMap(({ name, tool }) => [
        { model: `${name}*`, contains: 'out.txt', afterTool: false, toolCalls: [tool] },
        { model: `${name}*`, text: WORDS },
      ]),
    },
  })
})
afterAll(() => world[Symbol.asyncDispose]())

const rows = agents.flatMap((agent) => agent.targets.map((target) => ({ agent, target, name: agent.name })))

describe.each(rows)('$name over a provider that speaks $target', ({ agent, target }) => {
  let home: string
  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'holdfast-agent-'))
  })
  afterAll(() => rmSync(home, { recursive: true, force: true }))

  test('runs the command and says that it is done', async () => {
    const work = join(home, 'work')
    mkdirSync(work)
    const { args, env } = agent.prepare({
      url: world.url,
      home,
      model: `${target}/${agent.name}`,
      prompt: 'Write the word holdfast into out.txt, then stop.',
    })
    const ended = await run(agent.bin, args, { cwd: work, env: { ...offline(home), ...env } })
    expect(ended, ended.output).toMatchObject({ code: 0 })
    expect(ended.output).toContain(WORDS)
    expect(existsSync(join(work, 'out.txt')), ended.output).toBe(true)
    expect(readFileSync(join(work, 'out.txt'), 'utf8')).toBe('holdfast')
    const states = world.gateway.exchanges.filter(({ modelId }) => modelId === `${target}/${agent.name}`)
    expect(new Set(states.map(({ state }) => state))).toEqual(new Set(['completed']))
    expect(states.length).toBeGreaterThanOrEqual(2)
  })
})

/** A home of its own, and a proxy that nobody serves for every address but this machine's. */
function offline(home: string): Readonly<Record<string, string>> {
  const nowhere = 'http://127.0.0.1:9'
  return {
    HOME: home,
    PATH: process.env['PATH'] ?? '',
    TMPDIR: tmpdir(),
    CI: 'true',
    NO_COLOR: '1',
    HTTP_PROXY: nowhere,
    HTTPS_PROXY: nowhere,
    http_proxy: nowhere,
    https_proxy: nowhere,
    NO_PROXY: '127.0.0.1,localhost',
    no_proxy: '127.0.0.1,localhost',
  }
}

interface Ended {
  readonly code: number | null
  readonly output: string
}

const RUN_MS = 90_000

function run(
  bin: string,
  args: readonly string[],
  { cwd, env }: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<Ended> {
  const command = join(import.meta.dirname, 'node_modules', '.bin', bin)
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const keep = (chunk: Buffer) => {
      output += chunk.toString()
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    const timer = setTimeout(() => child.kill('SIGKILL'), RUN_MS)
    child.on('error', reject)
    child.on('close', (code) => {
      clearTimeout(timer)
      resolve({ code, output })
    })
  })
}
