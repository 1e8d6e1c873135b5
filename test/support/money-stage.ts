/**
 * A whole gateway with its books in a SQLite file, before the simulator as a provider of every dialect clients speak, each
 * with a price; keys and budgets are made beside it, in the same file, as the command line makes them.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { onTestFinished } from 'vitest'
import { openStore } from '../../src/app/open-store.ts'
import type { DirectoryEdit } from '../../src/keys/directory-edit.ts'
import {
  createKey,
  type KeyEditContext,
  type NewKey,
  revokeKey,
  rotateKey,
} from '../../src/keys/key-changes.ts'
import { createProject, createTeam, createUser } from '../../src/keys/people-changes.ts'
import type { Directory, KeyId, RateLimits } from '../../src/keys/records.ts'
import type { Budget, BudgetId, BudgetPeriod, BudgetScope } from '../../src/ledger/budget.ts'
import type { LedgerEntry, RequestRow } from '../../src/ledger/entry.ts'
import type { NanoUsd } from '../../src/ledger/prices.ts'
import { createScenario, type ScenarioInput } from '../../src/simulator/scenario.ts'
import { type SimulatorServer, startSimulator } from '../../src/simulator/server.ts'
import { systemClock } from '../../src/std/clock.ts'
import { systemIds } from '../../src/std/ids.ts'
import type { Store } from '../../src/stores/store.ts'
import { createTelemetry } from '../../src/telemetry/telemetry.ts'
import { type ClientAnswer, type ClientDialect, readAnswer } from './client-answer.ts'
import { startTestGateway, type TestGateway } from './gateway.ts'
import { ALL_CLIENTS, type Asking, BASE_PATHS, requestBody, requestPath } from './upstreams.ts'

/** US dollars for a million tokens; 10,000 and 50,000 nano-dollars a token. */
export const PRICE = { input: 10, output: 50 } as const
export const INPUT_NANO = 10_000
export const OUTPUT_NANO = 50_000
export const DOLLAR = 1_000_000_000

export interface MadeKey {
  readonly id: KeyId
  readonly secret: string
}

export interface NewBudget {
  readonly scope: BudgetScope
  readonly nanoUsd: number
  readonly name?: string
  readonly period?: BudgetPeriod
  readonly owner?: string
}

/** The file that keys, budgets and books stand in, as a process beside the gateway has it. */
export interface Ledger {
  readonly store: Store
  readonly path: string
  key(asked: NewKey): Promise<MadeKey>
  team(name: string): Promise<string>
  project(name: string, more?: { readonly team?: string; readonly limits?: RateLimits }): Promise<string>
  user(name: string, team?: string): Promise<string>
  revoke(key: string): Promise<void>
  rotate(key: string, overlapMs?: number): Promise<MadeKey>
  budget(asked: NewBudget): Promise<Budget>
  /** What is charged to a budget in its period, and what is leased of it. */
  standing(
    budget: Budget,
    periodStartMs?: number,
  ): Promise<{ readonly spent: number; readonly leased: number }>
}

export interface MoneyPlan {
  readonly scenario?: ScenarioInput
  /** More of the configuration; providers come on top of those of the stage. */
  readonly config?: Readonly<Record<string, unknown>>
  readonly providers?: Readonly<Record<string, unknown>>
  /** `false`: what the stage's models cost is not known. */
  readonly isPriced?: boolean
  /** Before the gateway starts, so that it knows of it from the first request on. */
  readonly prepare?: (ledger: Ledger) => Promise<void>
}

export interface MoneyAsking extends Omit<Asking, 'mode'> {
  readonly mode?: Asking['mode']
  readonly key?: string
}

export interface MoneyStage extends Ledger {
  readonly gateway: TestGateway
  readonly simulator: SimulatorServer
  readonly url: string
  ask(asking: MoneyAsking): Promise<ClientAnswer>
  send(asking: MoneyAsking, signal?: AbortSignal): Promise<Response>
  /**
   * Resolves once so much is left of the budgets of a key as far as the gateway knows: what is changed beside it, it reads a
   * while later. It tells of those that it has held something of.
   */
  knowsLeft(key: string, isSo: (nanoUsd: number) => boolean): Promise<void>
  /** Once the books have reached the file. */
  record(
    answer: { readonly headers: Headers } | string,
  ): Promise<{ readonly request: RequestRow; readonly attempts: readonly LedgerEntry[] }>
  /** Everything in the books, once `requests` of them are there. */
  books(requests: number): Promise<Books>
}

export interface Books {
  readonly requests: readonly RequestRow[]
  readonly attempts: readonly LedgerEntry[]
  readonly costNanoUsd: number
}

/** Between two looks at what the gateway knows: who shows a key that nobody knows too often is sent away. */
const KNOWN_EVERY_MS = 100
/** How long something that has happened may take to be in the file on a busy machine, ms. */
const POSTED_WITHIN_MS = 12_000

export async function openMoneyStage(plan: MoneyPlan = {}): Promise<MoneyStage> {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-money-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const ledger = await openLedger(path.join(folder, 'holdfast.db'))
  const simulator = await startSimulator({ scenario: createScenario(plan.scenario) })
  onTestFinished(() => simulator.close())
  await plan.prepare?.(ledger)
  const gateway = await startTestGateway({
    config: {
      discover: false,
      store: { kind: 'sqlite', path: ledger.path },
      ...plan.config,
      providers: { ...stageProviders(simulator.origin, plan.isPriced !== false), ...plan.providers },
    },
  })
  onTestFinished(() => gateway[Symbol.asyncDispose]())
  return { ...ledger, ...asker(gateway), ...reader(ledger.store), gateway, simulator, url: gateway.url }
}

function stageProviders(origin: string, isPriced: boolean): object {
  return Object.fromEntries(
    ALL_CLIENTS.map((dialect) => [
      NAMES[dialect],
      {
        dialect,
        baseUrl: `${origin}${BASE_PATHS[dialect]}`,
        credential: 'provider-key-0123456789',
        models: ['m', 'long', 'echo', 'lorem'],
        breaker: false,
        ...(isPriced ? { prices: { m: PRICE, long: PRICE, echo: PRICE, lorem: PRICE } } : {}),
      },
    ]),
  )
}

/** The provider of the stage that speaks a dialect; its model is `m`. */
export const NAMES: Readonly<Record<ClientDialect, string>> = {
  'openai-chat': 'chat',
  'anthropic-messages': 'messages',
  'openai-responses': 'responses',
  gemini: 'google',
}

export function asker({ url }: { readonly url: string }) {
  const send = ({ key, mode = 'plain', model = 'chat/m', ...asking }: MoneyAsking, signal?: AbortSignal) => {
    const whole = { ...asking, mode, model }
    return fetch(url + requestPath(whole), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...asking.headers,
      },
      body: JSON.stringify(requestBody(whole)),
      ...(signal === undefined ? {} : { signal }),
    })
  }
  const left = async (key: string): Promise<number | undefined> => {
    const response = await fetch(`${url}/v1/messages/count_tokens`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'anthropic-version': '2023-06-01',
        authorization: `Bearer ${key}`,
      },
      body: JSON.stringify({
        model: `${NAMES['anthropic-messages']}/m`,
        messages: [{ role: 'user', content: 'hi' }],
      }),
    })
    await response.arrayBuffer()
    const usd = response.headers.get('x-holdfast-budget-remaining-usd')
    return usd === null ? undefined : Math.round(Number(usd) * DOLLAR)
  }
  return {
    send,
    knowsLeft: async (key: string, isSo: (nanoUsd: number) => boolean) => {
      const look = async () => {
        const nanoUsd = await left(key)
        return nanoUsd !== undefined && isSo(nanoUsd) ? nanoUsd : undefined
      }
      await eventually('what is left as the gateway knows it', look, KNOWN_EVERY_MS)
    },
    ask: async (asking: MoneyAsking) => {
      for (let tries = 1; ; tries += 1) {
        const answer = await readAnswer(await send(asking), asking.client)
        if (!isStoreSlow(answer.error?.code) || tries === TRIES_MAX) return answer
      }
    },
  }
}

const TRIES_MAX = 20
/** On a busy machine the store is slow for a moment now and then: nothing was done then, and the request may be sent again. */
const STORE_CODES: readonly (string | undefined)[] = [
  'budget_unavailable',
  'store_unavailable',
  'keys_unavailable',
]
const isStoreSlow = (code: string | undefined) => STORE_CODES.includes(code)

export function reader(store: Store) {
  const record: MoneyStage['record'] = (answer) => {
    const id = typeof answer === 'string' ? answer : (answer.headers.get('x-request-id') ?? '')
    return eventually(`the request ${id} is in the books`, () => store.request(id))
  }
  return {
    record,
    books: (requests: number): Promise<Books> =>
      eventually(`${requests} requests are in the books`, async () => {
        const rows: RequestRow[] = []
        let cursor: string | undefined
        do {
          const page = await store.requests({ limit: 100, ...(cursor === undefined ? {} : { cursor }) })
          rows.push(...page.rows.filter(({ code }) => !isStoreSlow(code)))
          cursor = page.next
        } while (cursor !== undefined)
        if (rows.length < requests) return undefined
        const attempts: LedgerEntry[] = []
        for (const { exchangeId } of rows)
          attempts.push(...((await store.request(exchangeId))?.attempts ?? []))
        const costNanoUsd = attempts.reduce((sum, entry) => sum + (entry.costNanoUsd ?? 0), 0)
        return { requests: rows, attempts, costNanoUsd }
      }),
  }
}

/** Looks again and again until there is something to see. */
export async function eventually<Seen>(
  what: string,
  look: () => Promise<Seen | undefined> | Seen | undefined,
  everyMs = 10,
): Promise<Seen> {
  const untilMs = performance.now() + POSTED_WITHIN_MS
  for (;;) {
    const seen = await look()
    if (seen !== undefined) return seen
    if (performance.now() > untilMs) throw new Error(`${what}: not within ${POSTED_WITHIN_MS} ms`)
    await new Promise((resolve) => void setTimeout(resolve, everyMs))
  }
}

/** Opened as the command line opens it, with the master secret beside the file; closed with the test. */
export async function openLedger(file: string, env: Readonly<Record<string, string>> = {}): Promise<Ledger> {
  const opened = await openStore(
    { kind: 'sqlite', path: file },
    { clock: systemClock, telemetry: createTelemetry(), masterKey: undefined, env },
  )
  const { store, peppers } = opened
  onTestFinished(() => store.close())
  const change = async <Edit extends DirectoryEdit>(
    decide: (directory: Directory, context: KeyEditContext) => Edit,
  ): Promise<Edit> => {
    const directory = await store.loadDirectory()
    const context = { nowMs: Date.now(), actor: 'cli', ids: systemIds, peppers }
    const edit = decide(directory, context)
    await store.changeDirectory(edit.changes, edit.notes, directory.revision)
    return edit
  }
  let budgets = 0
  return {
    store,
    path: file,
    async key(asked) {
      const { key, secret } = await change((directory, context) => createKey(directory, asked, context))
      return { id: key.id, secret: secret.reveal() }
    },
    async team(name) {
      return (await change((directory, context) => createTeam(directory, { name }, context))).team.id
    },
    async project(name, more = {}) {
      const made = await change((directory, context) => createProject(directory, { name, ...more }, context))
      return made.project.id
    },
    async user(name, team) {
      const asked = { name, ...(team === undefined ? {} : { team }) }
      return (await change((directory, context) => createUser(directory, asked, context))).user.id
    },
    async revoke(key) {
      await change((directory, context) => revokeKey(directory, key, context))
    },
    async rotate(key, overlapMs) {
      const rotation = { key, ...(overlapMs === undefined ? {} : { overlapMs }) }
      const made = await change((directory, context) => rotateKey(directory, rotation, context))
      return { id: made.key.id, secret: made.secret.reveal() }
    },
    async budget({ scope, nanoUsd, name, period = 'total', owner }) {
      budgets += 1
      const budget: Budget = {
        // Sound: values made here.
        id: systemIds.next('bud_') as BudgetId,
        limitNanoUsd: nanoUsd as NanoUsd,
        name: name ?? `budget ${budgets}`,
        scope,
        period,
        createdAtMs: Date.now(),
        ...(owner === undefined ? {} : { owner }),
      }
      await store.putBudget(budget, [])
      return budget
    },
    async standing({ id }, periodStartMs = 0) {
      const [found] = await store.standings([{ budgetId: id, periodStartMs }])
      return { spent: found?.spentNanoUsd ?? 0, leased: found?.leasedNanoUsd ?? 0 }
    },
  }
}
