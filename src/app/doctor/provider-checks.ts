/** Examines one provider from the outside in: its name, its door, its key, one word, one streamed tool call. */

import { isIP } from 'node:net'
import type { TargetDialectId } from '../../canonical/envelope.ts'
import type { TargetDialect } from '../../dialects/dialect.ts'
import type { ErrorCode } from '../../errors/codes.ts'
import { GatewayError, toGatewayError } from '../../errors/gateway-error.ts'
import type { Provider } from '../../providers/provider.ts'
import { createTarget } from '../../providers/target.ts'
import type { Clock } from '../../std/clock.ts'
import type { UpstreamRequest, UpstreamResponse } from '../../upstream/attempt.ts'
import { BLOCKED_ADDRESS } from '../../upstream/transport-codes.ts'
import type { ConfiguredProvider, ConfiguredRoute } from '../config/config.ts'
import { type CheckResult, fail, type Finding, ok, skip, warn } from './check.ts'
import { chooseModel } from './choose-model.ts'
import { askForToolCall, askForWord, type Caller } from './tiny-call.ts'

/** What a door looked like. */
export interface Door {
  /** When its certificate ends, ms since the Unix epoch; absent without TLS. */
  readonly certificateEndsAtMs?: number
}

/** Everything through which the doctor reaches a provider; each call is bounded by the signal. */
export interface ProviderInstruments {
  readonly clock: Clock
  readonly dialects: ReadonlyMap<TargetDialectId, TargetDialect>
  /** The addresses of a name. */
  resolve(host: string, signal: AbortSignal): Promise<readonly string[]>
  /** Connects, and shakes hands where the scheme says so. */
  knock(origin: URL, signal: AbortSignal): Promise<Door>
  send(request: UpstreamRequest): Promise<UpstreamResponse>
  listModels(configured: ConfiguredProvider, signal: AbortSignal): Promise<readonly string[]>
}

export interface ProviderCheckOptions {
  readonly instruments: ProviderInstruments
  readonly configured: ConfiguredProvider
  readonly routes: readonly ConfiguredRoute[]
  /** Limit of each check, ms. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** A certificate that ends sooner than this deserves a word, ms. */
const CERTIFICATE_SOON_MS = 14 * 24 * 3_600_000
/** A clock further from the provider's than this breaks signatures and sessions, ms. */
const SKEW_MAX_MS = 60_000

export async function checkProvider(options: ProviderCheckOptions): Promise<readonly CheckResult[]> {
  return new ProviderExamination(options).run()
}

class ProviderExamination {
  readonly #options: ProviderCheckOptions
  readonly #results: CheckResult[] = []
  #listed: readonly string[] | undefined

  constructor(options: ProviderCheckOptions) {
    this.#options = options
  }

  async run(): Promise<readonly CheckResult[]> {
    const { provider } = this.#options.configured
    if (provider.isSimulated)
      return [this.#entry('completion', ok('answers are made up by the simulator'), 0)]
    const isReachable =
      (await this.#check('dns', (signal) => this.#resolve(signal))) &&
      (await this.#check('connection', (signal) => this.#knock(signal)))
    if (!isReachable) return this.#results
    if (!(await this.#check('key', (signal) => this.#tryKey(signal)))) return this.#results
    await this.#tryModel()
    return this.#results
  }

  async #tryModel(): Promise<void> {
    const { configured, routes } = this.#options
    const modelId = chooseModel(configured, routes, this.#listed)
    if (modelId === undefined) {
      const finding = warn(
        'no model is known to try it with',
        `Name one in the file: providers.${configured.provider.id}.models`,
      )
      this.#results.push(this.#entry('completion', finding, 0))
      return
    }
    const caller = this.#caller(modelId)
    if (caller === undefined) return
    if (await this.#check('completion', (signal) => this.#tryWord(caller, signal))) {
      await this.#check('tool-call', (signal) => tryToolCall(caller, signal))
    }
  }

  async #resolve(signal: AbortSignal): Promise<Finding> {
    const host = new URL(this.#options.configured.provider.baseUrl).hostname.replace(/^\[|\]$/g, '')
    if (isIP(host) !== 0) return ok(`${host} is an address already`)
    const addresses = await this.#options.instruments.resolve(host, signal)
    return ok(`${host} is ${addresses.slice(0, 2).join(', ')}${addresses.length > 2 ? ', ...' : ''}`)
  }

  async #knock(signal: AbortSignal): Promise<Finding> {
    const { instruments, configured } = this.#options
    const origin = new URL(configured.provider.baseUrl)
    const { certificateEndsAtMs } = await instruments.knock(origin, signal)
    if (certificateEndsAtMs === undefined) return ok(`${origin.host} accepts connections`)
    const leftMs = certificateEndsAtMs - instruments.clock.wallMs()
    const day = new Date(certificateEndsAtMs).toISOString().slice(0, 10)
    if (leftMs < CERTIFICATE_SOON_MS) {
      return warn(`the certificate of ${origin.host} ends on ${day}`, 'Renew it, or ask the provider to.')
    }
    return ok(`${origin.host} has a good certificate until ${day}`)
  }

  async #tryKey(signal: AbortSignal): Promise<Finding> {
    const { configured, instruments } = this.#options
    const { provider, credential } = configured
    if (provider.modelsPath === undefined) return skip('it has no model list; the completion will tell')
    try {
      this.#listed = await instruments.listModels(configured, signal)
    } catch (error) {
      const { code } = toGatewayError(error)
      if (code !== 'upstream_model_not_found' && code !== 'path_not_found') throw error
      return skip('its model list is not there; the completion will tell')
    }
    const key = credential === undefined ? 'without a key' : `with the key ${credential.fingerprint}`
    return ok(`lists ${this.#listed.length} models ${key}`)
  }

  async #tryWord(caller: Caller, signal: AbortSignal): Promise<Finding> {
    const { clock } = this.#options.instruments
    const startedAtMs = clock.nowMs()
    const { date } = await askForWord(caller, signal)
    const tookMs = Math.round(clock.nowMs() - startedAtMs)
    this.#noteSkew(date)
    return ok(`${caller.target.modelId} answered in ${tookMs} ms`)
  }

  #noteSkew(date: string | undefined): void {
    const theirs = date === undefined ? Number.NaN : Date.parse(date)
    if (Number.isNaN(theirs)) return
    const skewMs = Math.abs(this.#options.instruments.clock.wallMs() - theirs)
    const seconds = Math.round(skewMs / 1_000)
    const finding =
      skewMs <= SKEW_MAX_MS
        ? ok(`this machine and the provider agree within ${Math.max(seconds, 1)} s`)
        : warn(`this machine's clock is ${seconds} s away from the provider's`, 'Set the clock: enable NTP.')
    this.#results.push(this.#entry('clock', finding, 0))
  }

  #caller(modelId: string): Caller | undefined {
    const { configured, instruments } = this.#options
    const dialect = instruments.dialects.get(configured.provider.dialect)
    if (dialect === undefined) return undefined
    const target = createTarget(configured.provider, modelId, configured.credential, configured.timers)
    return { target, dialect, send: (request) => instruments.send(request) }
  }

  /** Whether to go on. */
  async #check(name: string, examine: (signal: AbortSignal) => Promise<Finding>): Promise<boolean> {
    const { clock } = this.#options.instruments
    const startedAtMs = clock.nowMs()
    const finding = await this.#bounded(name, examine)
    this.#results.push(this.#entry(name, finding, clock.nowMs() - startedAtMs))
    return finding.status !== 'fail'
  }

  async #bounded(name: string, examine: (signal: AbortSignal) => Promise<Finding>): Promise<Finding> {
    const { instruments, configured, timeoutMs, signal } = this.#options
    const tooLate = new GatewayError(
      'upstream_timeout',
      `No answer within ${Math.round(timeoutMs / 1_000)} s.`,
    )
    const controller = new AbortController()
    const timer = instruments.clock.after(timeoutMs, () => controller.abort(tooLate))
    const either = AbortSignal.any([signal, controller.signal])
    const aborted = Promise.withResolvers<never>()
    const onAbort = () => aborted.reject(either.reason)
    either.addEventListener('abort', onAbort, { once: true })
    try {
      either.throwIfAborted()
      return await Promise.race([examine(either), aborted.promise])
    } catch (error) {
      return describeFailure(name, error, configured.provider)
    } finally {
      timer.cancel()
      either.removeEventListener('abort', onAbort)
    }
  }

  #entry(check: string, finding: Finding, durationMs: number): CheckResult {
    return {
      subject: this.#options.configured.provider.id,
      check,
      ...finding,
      durationMs: Math.round(durationMs),
    }
  }
}

async function tryToolCall(caller: Caller, signal: AbortSignal): Promise<Finding> {
  const { modelId } = caller.target
  let seen: Awaited<ReturnType<typeof askForToolCall>>
  try {
    seen = await askForToolCall(caller, signal)
  } catch (error) {
    const { code, message } = toGatewayError(error)
    if (code !== 'upstream_invalid_request') throw error
    return warn(`${modelId} takes no tools: ${message}`, 'Use another model for agents.')
  }
  if (seen === undefined)
    return warn(`${modelId} answered without calling the tool`, 'Use another model for agents.')
  if (!seen.isComplete)
    return fail(`the stream of ${modelId} broke off`, 'Try again; add a fallback target to its routes.')
  if (!seen.hasValidArguments) {
    return warn(`${modelId} called the tool with arguments that are no JSON`, 'Use another model for agents.')
  }
  return ok(`${modelId} streamed a whole tool call`)
}

function describeFailure(check: string, error: unknown, provider: Provider): Finding {
  if (error instanceof GatewayError) {
    return fail(
      error.facts.upstreamMessage ?? error.message,
      nextStepFor(error.code, provider) ?? error.row.nextStep,
    )
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined
  const words = code ?? (error instanceof Error ? error.message : 'unknown')
  const host = new URL(provider.baseUrl).host
  if (code === BLOCKED_ADDRESS) {
    return fail(
      `${host} leads to an address that is never called: of a metadata service, or a local one for a name that is public`,
      `Check the name server. Where the name is local on purpose, write the address: providers.${provider.id}.baseUrl.`,
    )
  }
  if (check === 'dns') {
    return fail(
      `${host} has no address (${words})`,
      'Check the name, the name server and the network of this machine.',
    )
  }
  if (check !== 'connection')
    return fail(`unexpected: ${words}`, 'Report this; it is a defect of the gateway.')
  return fail(`${host}: ${connectionTrouble(words)}`, connectionStep(words, provider))
}

function connectionTrouble(code: string): string {
  if (code === 'ECONNREFUSED') return 'nothing listens there (ECONNREFUSED)'
  if (/CERT|SELF_SIGNED|ALTNAME|VERIFY/.test(code)) return `its certificate is not trusted (${code})`
  return `no connection (${code})`
}

function connectionStep(code: string, provider: Provider): string {
  if (/CERT|SELF_SIGNED|ALTNAME|VERIFY/.test(code)) {
    return 'Check the address; trust a private authority with NODE_EXTRA_CA_CERTS=/path/to/ca.pem.'
  }
  if (provider.isLocal) return `Start ${provider.name}, or correct its baseUrl.`
  return 'Check the firewall and the network of this machine.'
}

function nextStepFor(code: ErrorCode, { environmentKeys, id }: Provider): string | undefined {
  if (code !== 'upstream_auth') return undefined
  const name = environmentKeys[0]
  return name === undefined
    ? `Correct providers.${id}.credential.`
    : `Set ${name} to a key that is in force, or correct providers.${id}.credential.`
}
