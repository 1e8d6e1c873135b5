/** The books of one request: money held before each attempt, settled once after it, and one row when the request ends. */

import { GatewayError } from '../errors/gateway-error.ts'
import type { BookLine, OpenedLine } from './book-lines.ts'
import { type Beginning, IN_NONE } from './book-poster.ts'
import type { Budget } from './budget.ts'
import type { SpentStanding } from './budget-account.ts'
import type { BudgetAccounts } from './budget-accounts.ts'
import { type Cost, lessSure } from './cost.ts'
import type { Attribution, Charge, CostBasis, LedgerEntry, RequestRow } from './entry.ts'
import type { Hold, HoldAnswer } from './hold.ts'
import type { NanoUsd, SearchKind } from './prices.ts'
import type { AskedClass } from './service-class.ts'
import { budgetError, priceUnknownError, reservationError } from './spend-errors.ts'
import { affordableOutput, type TokenBounds, worstCaseOf, type WorstPrices } from './worst-case.ts'
import { failpoint } from '../std/failpoints.ts'

export interface OpenRequest {
  readonly opened: OpenedLine
  /** The ids of the key's line of rotations: what bounds one of them bounds all. */
  readonly keyIds?: readonly string[]
}

/** An attempt about to be made. */
export interface AttemptAsk {
  /** `provider/model`. */
  readonly target: string
  readonly provider: string
  readonly route?: string
  readonly inputTokensMax: number
  /** What the client or the model allows; absent where neither says. */
  readonly outputTokensMax?: number
  /** It is less than the request names, or the request names none: nothing makes the provider keep to it unless it is told. */
  readonly isBelowAsked?: true
  /** Answers asked for in one request. */
  readonly candidates: number
  /** Absent where the price is not known. */
  readonly prices?: WorstPrices
  /** The service class that the request asks for; absent: the usual one. */
  readonly serviceClass?: AskedClass
  /** Where the request asks to be answered, in the provider's word (ledger/inference-geo.ts). */
  readonly inferenceGeo?: string
  /** How the searches are sold that it offers the provider. */
  readonly searchKind?: SearchKind
  /** Searches that are held for where the request offers them and says not how many: the provider is told, where it can be. */
  readonly searchesUnasked?: number
  /** What it asks for, as it says it, where that may cost more than `prices`: a class or a place without one. */
  readonly unpricedService?: string
  /** Sold by other measures than tokens: no price of tokens, an assumed one neither, says what it costs. */
  readonly isSoldOtherwise?: true
  /** Costs nothing whatever comes of it: counting tokens, listing files. */
  readonly isFree: boolean
}

/** What came of an attempt. */
export type AttemptResult = Omit<
  LedgerEntry,
  'exchangeId' | 'attempt' | 'atMs' | 'attribution' | 'modelId' | 'target' | 'provider' | 'route' | 'charges'
>

/** How an answer is ended that reaches what was held for it: as one of full length, or with an error. */
export type AtLimit = 'length' | 'error'

/** What budgets hold for an answer: it is ended rather than go on beyond it. */
export interface Reservation {
  readonly atLimit: AtLimit
  /** Whether so much, at its cost where that is known, comes to what is held. */
  isReachedBy(used: Pick<AttemptResult, 'inputTokens' | 'outputTokens' | 'costNanoUsd'>): boolean
  /** What is said of an answer that was ended for it. */
  error(): GatewayError
}

export interface HeldAttempt {
  /** The ceiling the provider must be told, of each answer; absent: as the client has it. */
  readonly outputTokensMax?: number
  /** The most it can cost, as it was held. */
  readonly heldNanoUsd: NanoUsd | undefined
  /** Present where a budget pays. */
  readonly reservation?: Reservation
  /** Once; calling it again does nothing. */
  /** `searches`: those that the provider told of, which are no part of the entry but of what it may cost. */
  settle(result: AttemptResult, searches?: number): void
}

export interface RequestBooksDeps {
  readonly accounts: BudgetAccounts
  /** Trillionths of a dollar a token. */
  readonly unknownPrice: { readonly input: number; readonly output: number } | undefined
  readonly atLimit: AtLimit
  readonly wallMs: () => number
  /** Whether what is held now would outlive the process, and is this run's to spend. */
  readonly mayHold: () => boolean
  readonly write: (line: BookLine, beginning: Beginning) => void
  /** Everything written so far is in the log when it returns. */
  readonly writeNow: () => void
  /** The same when it resolves, which it does for many at once; absent where it is already, or nothing is kept in a log. */
  readonly written: () => Promise<void> | undefined
}

/** What is held where neither the client nor the model says how long an answer may be; the provider is told to keep to it. */
export const OUTPUT_TOKENS_UNASKED = 16_384
/** An answer cut shorter than this is worth nothing: the request is refused instead. */
const OUTPUT_TOKENS_MIN = 16
const PICO_IN_NANO = 1_000

export class RequestBooks {
  readonly #deps: RequestBooksDeps
  readonly #request: OpenRequest
  readonly #beginning: Beginning
  #attempts = 0
  #isClosed = false
  /** `undefined` once an attempt cost something that nobody can tell. */
  #costNanoUsd: NanoUsd | undefined = NOTHING
  #basis: CostBasis = 'none'
  /** Attempts that are held for and not settled. */
  #openAttempts = 0

  constructor(deps: RequestBooksDeps, request: OpenRequest, beginning: Beginning) {
    this.#deps = deps
    this.#request = request
    this.#beginning = beginning
  }

  /** The budgets that the request counts against, as far as the model it names says. */
  get budgets(): readonly Budget[] {
    const { modelId } = this.#request.opened
    return this.#budgetsFor(modelId === undefined ? [] : [modelId])
  }

  /** How its budgets stand, as far as this node knows without asking. */
  get standings(): readonly SpentStanding[] {
    const { budgets } = this
    return budgets.length === 0 ? NO_STANDINGS : this.#deps.accounts.standingsOf(budgets)
  }

  /** Whom the request is charged to. */
  get attribution(): Attribution {
    return this.#request.opened.attribution
  }

  /** Of all attempts settled so far; `undefined` where any of it is not known. */
  get costNanoUsd(): NanoUsd | undefined {
    return this.#costNanoUsd
  }

  /** The same for whoever is told of it now. */
  get cost(): Cost {
    return { nanoUsd: this.#openAttempts === 0 ? this.#costNanoUsd : undefined, basis: this.#basis }
  }

  /**
   * Takes the money for an attempt, and writes down that it is about to be made. A promise where the log has to be written,
   * or the store to be asked. Throws or rejects with `budget_exceeded`, `price_unknown` or `budget_unavailable`, and holds nothing then.
   */
  hold(ask: AttemptAsk): HeldAttempt | Promise<HeldAttempt> {
    const { modelId } = this.#request.opened
    if (!ask.isFree && !this.#deps.accounts.isKnown) throw unavailable(undefined)
    const names = namesOf(modelId, ask.target)
    const budgets = ask.isFree ? NO_BUDGETS : this.#budgetsFor(names)
    if (budgets.length === 0) return this.#begun(ask, undefined, undefined)
    const worst = this.#bounded(ask)
    const { needs } = worst
    if (!this.#deps.mayHold()) throw unavailable(budgets[0])
    const answer = this.#deps.accounts.hold(budgets, needs)
    return answer instanceof Promise
      ? answer.then((told) => this.#judged(ask, worst, told))
      : this.#judged(ask, worst, answer)
  }

  /**
   * Resolves once it outlives the process that the request was accepted: before its client is told an answer that takes no
   * attempt. Absent where there is nothing to wait for.
   */
  accepted(): Promise<void> | undefined {
    return this.#deps.written()
  }

  close(row: RequestRow): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#deps.write({ type: 'closed', request: row }, this.#beginning)
    // Its client is told next: whoever was never let through to a provider may not stand in the log yet.
    if (this.#beginning.segment === IN_NONE) this.#deps.writeNow()
    failpoint('terminal-not-flushed')
  }

  #budgetsFor(modelNames: readonly string[]): readonly Budget[] {
    const { opened, keyIds } = this.#request
    return this.#deps.accounts.applicable(opened.attribution, modelNames, keyIds)
  }

  #bounded(ask: AttemptAsk): Bounded {
    const prices = this.#heldPrices(ask)
    if (prices === undefined) throw priceUnknownError(ask)
    const ceiling = ask.outputTokensMax ?? OUTPUT_TOKENS_UNASKED
    const least = Math.min(ceiling, OUTPUT_TOKENS_MIN)
    const cost = (tokens: number) => worstCaseOf(boundsOf(ask, tokens), prices)
    return { prices, ceiling, needs: { atMostNanoUsd: cost(ceiling), atLeastNanoUsd: cost(least) } }
  }

  /** Of what nobody knows the price that is stated for it, and never less than what is known. */
  #heldPrices({ prices, unpricedService, isSoldOtherwise }: AttemptAsk): WorstPrices | undefined {
    if (prices !== undefined && unpricedService === undefined) return prices
    const assumed = isSoldOtherwise ? undefined : this.#assumedPrices()
    return prices === undefined || assumed === undefined ? assumed : dearerOf(prices, assumed)
  }

  #assumedPrices(): WorstPrices | undefined {
    const { unknownPrice } = this.#deps
    return (
      unknownPrice && {
        input: unknownPrice.input / PICO_IN_NANO,
        output: unknownPrice.output / PICO_IN_NANO,
      }
    )
  }

  #judged(
    ask: AttemptAsk,
    { prices, ceiling, needs }: Bounded,
    answer: HoldAnswer,
  ): HeldAttempt | Promise<HeldAttempt> {
    if (answer.type === 'unavailable') throw unavailable(answer.budget)
    if (answer.type === 'spent')
      throw budgetError(
        { budget: answer.budget, ...answer.standing, neededNanoUsd: needs.atLeastNanoUsd },
        this.#deps.wallMs(),
      )
    if (answer.nanoUsd === needs.atMostNanoUsd)
      return this.#begun(ask, answer, isAskedFor(ask) ? undefined : ceiling)
    const affordable = affordableOutput(answer.nanoUsd, ask.inputTokensMax, prices)
    return this.#begun(ask, answer, Math.floor(affordable / ask.candidates))
  }

  #begun(
    ask: AttemptAsk,
    hold: Hold | undefined,
    outputTokensMax: number | undefined,
  ): HeldAttempt | Promise<HeldAttempt> {
    this.#attempts += 1
    const attempt = this.#attempts
    const beginning: Beginning = { segment: IN_NONE }
    const charges = hold?.charges ?? NO_CHARGES
    const heldNanoUsd = hold?.nanoUsd ?? worstOf(ask)
    const { exchangeId } = this.#request.opened
    const { target, provider, route } = ask
    const routeField = route === undefined ? {} : { route }
    const line: BookLine = {
      type: 'held',
      held: {
        exchangeId,
        attempt,
        atMs: this.#deps.wallMs(),
        target,
        provider,
        ...routeField,
        ...(heldNanoUsd === undefined ? {} : { nanoUsd: heldNanoUsd }),
        charges,
      },
    }
    this.#deps.write(line, beginning)
    this.#openAttempts += 1
    let isSettled = false
    const held: HeldAttempt = {
      heldNanoUsd,
      ...(outputTokensMax === undefined ? {} : { outputTokensMax }),
      ...(hold === undefined ? {} : { reservation: this.#reservation(ask, hold) }),
      settle: (result, searches) => {
        if (isSettled) return
        isSettled = true
        this.#openAttempts -= 1
        const charged = hold && this.#charged(result, ask, hold, searches)
        const told = charged === undefined ? result : { ...result, ...charged }
        const entry = this.#entry({ attempt, target, provider, ...routeField, charges }, told)
        hold?.settle(entry.costNanoUsd ?? hold.nanoUsd)
        this.#costNanoUsd = sumOf(this.#costNanoUsd, entry)
        this.#basis = lessSure(this.#basis, entry.basis)
        this.#deps.write({ type: 'settled', entry }, beginning)
      },
    }
    const written = this.#deps.written()
    if (written === undefined) return held
    return written.then(() => this.#outliving(held, hold))
  }

  /** The log did not take it: what is held would not outlive the process, so nobody is asked. */
  #outliving(held: HeldAttempt, hold: Hold | undefined): HeldAttempt {
    failpoint('held')
    if (hold === undefined || this.#deps.mayHold()) return held
    held.settle(NOT_MADE)
    throw unavailable(this.budgets[0])
  }

  /** What a budget pays is never nothing because nobody knows it: what was used at the prices it was held at, or all that was held. */
  #charged(
    used: Used,
    ask: AttemptAsk,
    hold: Hold,
    searches = 0,
  ): Pick<AttemptResult, 'basis' | 'costNanoUsd'> | undefined {
    if (used.costNanoUsd !== undefined) return undefined
    const { inputTokens, outputTokens } = used
    // Of searches it is not said what they are held at.
    const assumed = isHeldByTokens(ask) && searches === 0 ? this.#heldPrices(ask) : undefined
    const costNanoUsd =
      assumed === undefined || inputTokens === undefined
        ? hold.nanoUsd
        : worstCaseOf({ inputTokensMax: inputTokens, outputTokensMax: outputTokens ?? 0 }, assumed)
    return { basis: 'estimated', costNanoUsd }
  }

  #reservation(ask: AttemptAsk, hold: Hold): Reservation {
    return {
      atLimit: this.#deps.atLimit,
      isReachedBy: (used) => {
        const cost = used.costNanoUsd ?? this.#charged(used, ask, hold)?.costNanoUsd ?? hold.nanoUsd
        return cost >= hold.nanoUsd
      },
      error: () => {
        const [budget] = this.#budgetsFor(namesOf(this.#request.opened.modelId, ask.target))
        return reservationError({ target: ask.target, nanoUsd: hold.nanoUsd, budget })
      },
    }
  }

  #entry(
    attempt: Pick<LedgerEntry, 'attempt' | 'target' | 'provider' | 'route' | 'charges'>,
    result: AttemptResult,
  ): LedgerEntry {
    const { exchangeId, attribution, modelId = '' } = this.#request.opened
    return { exchangeId, atMs: this.#deps.wallMs(), attribution, modelId, ...attempt, ...result }
  }
}

/** A model is known by what the client calls it, by its target, and by its own name at whoever serves it. */
function namesOf(modelId: string | undefined, target: string): readonly string[] {
  const own = target.slice(target.indexOf('/') + 1)
  return modelId === undefined ? [target, own] : [modelId, target, own]
}

/** Whether the request itself names the ceiling that is held for. */
function isAskedFor({ outputTokensMax, isBelowAsked }: AttemptAsk): boolean {
  return outputTokensMax !== undefined && isBelowAsked === undefined
}

/** Whether what it was held at is said to cover each of its tokens: where nothing is known, or what was asked for has no price. */
function isHeldByTokens({ prices, serviceClass, unpricedService }: AttemptAsk): boolean {
  if (prices === undefined || unpricedService !== undefined) return true
  return serviceClass !== undefined && serviceClass !== 'any'
}

function dearerOf(one: WorstPrices, other: WorstPrices): WorstPrices {
  const fee = Math.max(one.fee ?? 0, other.fee ?? 0)
  return {
    input: Math.max(one.input, other.input),
    output: Math.max(one.output, other.output),
    ...(fee === 0 ? {} : { fee }),
  }
}

type Used = Parameters<Reservation['isReachedBy']>[0]

interface Bounded {
  readonly prices: WorstPrices
  /** Of each answer. */
  readonly ceiling: number
  readonly needs: { readonly atMostNanoUsd: NanoUsd; readonly atLeastNanoUsd: NanoUsd }
}

/** What comes of an attempt that is given up before anybody is asked. */
const NOT_MADE: AttemptResult = {
  outcome: 'failed',
  code: 'budget_unavailable',
  durationMs: 0,
  basis: 'none',
  // Sound: no dollars are a whole number of nano-dollars.
  costNanoUsd: 0 as NanoUsd,
  isWaste: false,
}
const NO_CHARGES: readonly Charge[] = []
const NO_BUDGETS: readonly Budget[] = []
const NO_STANDINGS: readonly SpentStanding[] = []
// Sound: no dollars are a whole number of nano-dollars.
const NOTHING = 0 as NanoUsd

function sumOf(known: NanoUsd | undefined, { basis, costNanoUsd }: LedgerEntry): NanoUsd | undefined {
  if (basis === 'none') return known
  if (known === undefined || costNanoUsd === undefined) return undefined
  // Sound: a sum of whole numbers of nano-dollars is one.
  return (known + costNanoUsd) as NanoUsd
}

function boundsOf({ inputTokensMax, candidates }: AttemptAsk, outputTokens: number): TokenBounds {
  return { inputTokensMax, outputTokensMax: outputTokens * candidates }
}

/** For the record alone: nobody's budget pays. */
function worstOf(ask: AttemptAsk): NanoUsd | undefined {
  if (ask.isFree) return NOTHING
  if (ask.prices === undefined || ask.unpricedService !== undefined) return undefined
  return worstCaseOf(boundsOf(ask, ask.outputTokensMax ?? OUTPUT_TOKENS_UNASKED), ask.prices)
}

function unavailable(budget: Budget | undefined): GatewayError {
  return new GatewayError(
    'budget_unavailable',
    `The budget "${budget?.name ?? ''}" has to pay for this request, and its books cannot be reached just now.`,
  )
}
