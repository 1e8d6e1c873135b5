/**
 * Starts the real gateway over one folder again and again, has many clients ask it through budgets that run out, kills
 * it at a point or a moment of the seed's choosing, and checks after every start that the books are whole.
 */

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openStore, type KeptChoice, type OpenedStore } from '../../src/app/open-store.ts'
import { randomFor } from '../../src/simulator/seed.ts'
import { systemClock } from '../../src/std/clock.ts'
import { isJsonObject } from '../../src/std/json.ts'
import { Secret } from '../../src/std/secret.ts'
import { createTelemetry } from '../../src/telemetry/telemetry.ts'
import { ask, authenticates, type Asked, type Told } from './ask.ts'
import { BookChecks, type Tally } from './book-checks.ts'
import { type Death, drawDeath, drawRequests, groupName } from './draw-crash.ts'
import { type GatewayRun, runGateway, textIn } from './gateway-run.ts'
import { PRICES_USD, type PricedUpstream, startPricedUpstream } from './priced-upstream.ts'
import { openTenants, type Tenants } from './tenants.ts'

export interface CrashOptions {
  readonly seed: number
  readonly crashes: number
  readonly store: { readonly kind: 'sqlite' } | { readonly kind: 'postgres'; readonly url: string }
  readonly onRun?: (run: number, how: string) => void
}

export interface CrashReport {
  readonly seed: number
  readonly store: 'sqlite' | 'postgres'
  readonly crashes: number
  /** Where it died, and how often. */
  readonly deaths: Readonly<Record<string, number>>
  readonly stops: number
  readonly requests: number
  readonly upstreamCalls: number
  readonly chargedNanoUsd: number
  readonly books: Tally
  readonly repeats: Readonly<Record<string, number>>
  readonly seconds: number
  /** What did not hold; empty when all did. */
  readonly wrong: readonly string[]
}

/** Runs that one set of keys and budgets lasts. */
const ERA_RUNS = 4
/** Keys that are tried after every start, beside those in use. */
const KEYS_TRIED = 6
const RECOVERY_MS_MAX = 30_000
const REPEATS = 5
const TRIES = 6
const AGAIN_MS = 120

export async function crashLoop(options: CrashOptions): Promise<CrashReport> {
  const loop = new CrashLoop(options)
  await loop.prepare()
  try {
    return await loop.play()
  } finally {
    await loop.dispose()
  }
}

class CrashLoop {
  readonly #options: CrashOptions
  readonly #folder = mkdtempSync(join(tmpdir(), 'holdfast-crashes-'))
  readonly #masterKey = `${'0123456789abcdef'.repeat(3)}fedcba9876543210`
  readonly #group = groupName()
  readonly #startedAtMs = performance.now()
  readonly #wrong: string[] = []
  readonly #deaths: Record<string, number> = {}
  readonly #repeats: Record<string, number> = {}
  #upstream!: PricedUpstream
  #opened: OpenedStore | undefined
  #tenants: Tenants | undefined
  #checks!: BookChecks
  #unjudged: Told[] = []
  #toRepeat: Told[] = []
  #readFromMs = Date.now()
  #requests = 0
  #crashes = 0
  #stops = 0
  #run: GatewayRun | undefined

  constructor(options: CrashOptions) {
    this.#options = options
  }

  async prepare(): Promise<void> {
    this.#upstream = await startPricedUpstream()
    const { store } = this.#options
    writeFileSync(
      join(this.#folder, 'holdfast.yaml'),
      JSON.stringify({
        discover: false,
        store,
        providers: {
          priced: {
            dialect: 'openai-chat',
            baseUrl: this.#upstream.baseUrl,
            credential: 'key-0123456789',
            models: ['m'],
            prices: { m: PRICES_USD },
            breaker: false,
          },
        },
      }),
    )
  }

  async play(): Promise<CrashReport> {
    const { seed, crashes, store } = this.#options
    for (let run = 0; this.#crashes < crashes && this.#wrong.length === 0; run += 1) {
      const how = await this.#playRun(run, drawDeath(seed, run))
      this.#options.onRun?.(run, how)
    }
    if (this.#wrong.length === 0) await this.#playLast()
    return {
      seed,
      store: store.kind,
      crashes: this.#crashes,
      deaths: this.#deaths,
      stops: this.#stops,
      requests: this.#requests,
      upstreamCalls: this.#upstream.calls,
      chargedNanoUsd: this.#upstream.chargedNanoUsd,
      books: this.#checks.tally,
      repeats: this.#repeats,
      seconds: Math.round((performance.now() - this.#startedAtMs) / 100) / 10,
      wrong: this.#wrong,
    }
  }

  async dispose(): Promise<void> {
    this.#run?.kill('SIGKILL')
    await this.#run?.exited
    await this.#opened?.store.close()
    await this.#upstream[Symbol.asyncDispose]()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** What it died of. */
  async #playRun(run: number, death: Death): Promise<string> {
    if (run > 0) await this.#prepareEra(run)
    const failpoint = death.kind === 'failpoint' ? `${death.name}:${death.nth}` : undefined
    const gateway = await runGateway({
      folder: this.#folder,
      masterKey: this.#masterKey,
      ...(failpoint !== undefined && { failpoint }),
    })
    this.#run = gateway
    if (gateway.addresses === undefined) return this.#diedAtStart(run, death, gateway)
    await this.#check(run, gateway)
    if (this.#wrong.length > 0) return 'not killed'
    const startedAtMs = Date.now()
    const load = this.#load(run, gateway)
    const how = await this.#end(death, gateway, load)
    this.#readFromMs = Math.min(startedAtMs, this.#readFromMs)
    this.#complain(run, how, gateway.complaints().filter(isOfBooks))
    return how
  }

  #diedAtStart(run: number, death: Death, gateway: GatewayRun): string {
    // Of a failpoint it says nothing; of anything else that ends it, it does.
    if (death.kind === 'failpoint' && gateway.printed() === '') return this.#died(death.name)
    this.#complain(run, 'start', [`the gateway ended instead of listening: ${gateway.printed()}`])
    return 'start'
  }

  async #prepareEra(run: number): Promise<void> {
    if (this.#opened === undefined) {
      this.#opened = await openStore(this.#choice(), {
        clock: systemClock,
        telemetry: { notices: createTelemetry().notices },
        masterKey: new Secret(this.#masterKey),
        env: {},
      })
      const { store, peppers } = this.#opened
      this.#tenants = await openTenants(store, peppers)
      this.#checks = new BookChecks({ store, callsOf: (mark) => this.#upstream.callsOf(mark) })
    }
    if ((run - 1) % ERA_RUNS === 0) await this.#tenants?.renew()
  }

  #choice(): KeptChoice {
    const { store } = this.#options
    return store.kind === 'sqlite'
      ? { kind: 'sqlite', path: join(this.#folder, 'holdfast.db') }
      : { kind: 'postgres', url: new Secret(store.url), folder: join(this.#folder, 'driver') }
  }

  /** After a start, before anybody asks: everything of the runs before is in the books. */
  async #check(run: number, { addresses }: GatewayRun): Promise<void> {
    const tenants = this.#tenants
    if (tenants === undefined || addresses === undefined) return
    const nodes = await this.#recovered()
    await this.#checks.read(this.#readFromMs - 5_000)
    this.#readFromMs = Date.now()
    const wrong = [
      ...this.#checks.judge(this.#unjudged),
      ...(await this.#checks.judgeBudgets(tenants.budgets, nodes)),
    ]
    this.#unjudged = []
    for (const tenant of this.#triedKeys(run, tenants)) {
      if ((await authenticates(addresses.url, tenant)) === tenant.isRevoked)
        wrong.push(`the key "${tenant.name}" is ${tenant.isRevoked ? 'revoked and works' : 'gone'}`)
    }
    this.#complain(run, 'books', wrong)
  }

  #triedKeys(run: number, { all, current }: Tenants) {
    const random = randomFor(this.#options.seed, `keys ${run}`)
    const others = Array.from({ length: KEYS_TRIED }, () => all[Math.floor(random.next() * all.length)])
    return new Set([...current, ...others.filter((one) => one !== undefined)])
  }

  /** Waits until the folders of dead nodes are gone; the nodes left. */
  async #recovered(): Promise<readonly string[]> {
    const untilMs = performance.now() + RECOVERY_MS_MAX
    for (;;) {
      const nodes = this.#nodes()
      if (nodes.length === 1) return nodes
      if (performance.now() > untilMs)
        throw new Error(`what dead nodes left is not brought in: ${nodes.join()}`)
      await pause(20)
    }
  }

  #nodes(): readonly string[] {
    const base = this.#options.store.kind === 'sqlite' ? 'holdfast.db' : 'holdfast-data/holdfast'
    try {
      return readdirSync(join(this.#folder, `${base}.books`)).filter((name) => !name.startsWith('.'))
    } catch {
      return []
    }
  }

  async #load(run: number, { addresses }: GatewayRun): Promise<void> {
    const tenants = this.#tenants
    if (tenants === undefined || addresses === undefined) return
    const { seed } = this.#options
    const fresh = drawRequests({ seed, run, group: this.#group }, tenants.current)
    const repeated = this.#toRepeat.splice(0, REPEATS)
    this.#requests += fresh.length + repeated.length
    const asking = async (asked: Asked, triesLeft = TRIES): Promise<Told> => {
      const told = await ask(addresses.url, asked)
      this.#unjudged.push(told)
      if (told.status !== 503 || triesLeft === 1) return told
      // The store is slow to lease just after a start: clients ask again, as their libraries do.
      await pause(AGAIN_MS)
      return asking(asked, triesLeft - 1)
    }
    const all = [
      ...fresh.map(async (asked) => {
        const told = await asking(asked)
        if (asked.idempotencyKey !== undefined) this.#toRepeat.push(told)
      }),
      ...repeated.map(async (before) => {
        const told = await asking({ ...before.asked, leavesAfterMs: undefined })
        this.#judgeRepeat(run, before, told)
      }),
      this.#changeKeys(run, addresses.adminUrl, tenants),
    ]
    await Promise.all(all)
  }

  /** The same again, or "it may have been done": never another answer. */
  #judgeRepeat(run: number, before: Told, now: Told): void {
    const isLost = now.status === undefined || !now.isWhole
    const how = isLost ? 'killed again' : `${before.status ?? 'unheard'} then ${now.status}`
    this.#repeats[how] = (this.#repeats[how] ?? 0) + 1
    if (isLost) {
      this.#toRepeat.push(before)
      return
    }
    const isReplayed = before.isWhole && before.status === 200
    if (isReplayed && now.status === 200 && now.text !== before.text)
      this.#complain(run, 'repeat', [
        `${now.asked.mark} was answered otherwise: ${before.text} | ${now.text}`,
      ])
  }

  /** Over the admin API, while all others ask: what was confirmed must stay so. */
  async #changeKeys(run: number, adminUrl: string, tenants: Tenants): Promise<void> {
    const headers = { authorization: `Bearer ${tenants.admin}`, 'content-type': 'application/json' }
    const post = async (path: string, body: object) => {
      const response = await fetch(`${adminUrl}${path}`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      })
      const value: unknown = await response.json().catch(() => undefined)
      return response.ok && isJsonObject(value) ? value : undefined
    }
    try {
      const made = await post('/api/v1/keys', { name: `made in ${this.#group} ${run}` })
      if (made === undefined) return
      const tenant = {
        name: textIn(made, 'name'),
        id: textIn(made, 'id'),
        secret: textIn(made, 'secret'),
        isRevoked: false,
      }
      tenants.add(tenant)
      // Whether a call that was cut short was heard, nobody can say: such a key is not asked after.
      if (run % 2 === 0) return
      tenants.forget(tenant)
      const revoked = await post(`/api/v1/keys/${tenant.id}/revoke`, {})
      if (revoked !== undefined) tenants.add({ ...tenant, isRevoked: true })
    } catch {
      // Killed while it was asked.
    }
  }

  async #end(death: Death, gateway: GatewayRun, load: Promise<void>): Promise<string> {
    if (death.kind === 'moment') {
      await Promise.race([load, pause(death.afterMs)])
      gateway.kill('SIGKILL')
      await Promise.all([gateway.exited, load])
      return this.#died('any moment')
    }
    await Promise.race([load, gateway.exited])
    if (death.kind === 'stopped') return this.#stopped(gateway, load)
    // Postings and their like come a moment later.
    await Promise.race([gateway.exited, pause(LATE_MS)])
    const isReached = gateway.hasEnded
    if (!isReached) gateway.kill('SIGKILL')
    await Promise.all([gateway.exited, load])
    return this.#died(isReached ? death.name : 'after all was done')
  }

  async #stopped(gateway: GatewayRun, load: Promise<void>): Promise<string> {
    gateway.kill('SIGTERM')
    await Promise.all([gateway.exited, load])
    this.#stops += 1
    const { budgets = [] } = this.#tenants ?? {}
    await this.#checks.read(this.#readFromMs - 5_000)
    const left = this.#nodes()
    this.#complain(-1, 'stop', [
      ...(left.length === 0 ? [] : [`books of ${left.join()} are left after a stop`]),
      ...(await this.#checks.judgeBudgets(budgets, [])),
    ])
    return 'stopped'
  }

  /** The books once more, whole, and an end in order. */
  async #playLast(): Promise<void> {
    const gateway = await runGateway({ folder: this.#folder, masterKey: this.#masterKey })
    this.#run = gateway
    if (gateway.addresses === undefined) return this.#complain(-1, 'last start', [gateway.printed()])
    await this.#check(-1, gateway)
    this.#complain(-1, 'all books', await this.#checks.judgeAll())
    await this.#stopped(gateway, Promise.resolve())
    if (this.#options.store.kind === 'sqlite') this.#complain(-1, 'file', this.#integrity())
  }

  #integrity(): readonly string[] {
    const db = new DatabaseSync(join(this.#folder, 'holdfast.db'), { readOnly: true })
    try {
      const said = JSON.stringify(db.prepare('PRAGMA integrity_check').all())
      return said.includes('"ok"') ? [] : [said]
    } finally {
      db.close()
    }
  }

  #died(of: string): string {
    this.#crashes += 1
    this.#deaths[of] = (this.#deaths[of] ?? 0) + 1
    return of
  }

  #complain(run: number, where: string, wrong: readonly string[]): void {
    for (const one of wrong) this.#wrong.push(`run ${run}, ${where}: ${one}`)
  }
}

/** How long a run lives on after all was answered, ms. */
const LATE_MS = 150

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** A machine without time for a gateway says nothing of its books: thousands of kills may run beside other work. */
function isOfBooks(complaint: string): boolean {
  return !complaint.includes('"notice":"event_loop_stuck"')
}
