/**
 * What a program that speaks a dialect must see of an answer. Each dialect has its own words and its own gaps; this is
 * the whole list of what may change on the way, and everything not named here must arrive as it was.
 */

import type { DialectId } from '../src/canonical/envelope.ts'
import { parsed } from './oracle/json.ts'
import type { CallReading, CandidateReading, FinishKind, Reading, UsageReading } from './oracle/reading.ts'

/** A dialect, or the gateway's own language, which has a word for everything. */
export type Tongue = DialectId | 'canonical'

/** Only OpenAI's chat API and Gemini give several answers at once. */
const severalAnswers: ReadonlySet<Tongue> = new Set([
  'canonical',
  'openai-chat',
  'openai-completions',
  'gemini',
])

export function givesSeveralAnswers(dialect: Tongue): boolean {
  return severalAnswers.has(dialect)
}

/** How reading and expectation differ, in words; empty where they do not. */
export function differences(said: Reading, seen: Reading, dialect: Tongue): readonly string[] {
  const due = givesSeveralAnswers(dialect) ? said.candidates : said.candidates.slice(0, 1)
  if (due.length !== seen.candidates.length) {
    return [`candidates: ${due.length} were said, ${seen.candidates.length} seen`]
  }
  return [
    ...due.flatMap((candidate, place) => {
      const other = seen.candidates[place]
      return other === undefined ? [] : candidateDifferences(candidate, other, dialect)
    }),
    ...usageDifferences(said.usage, seen.usage, dialect),
  ]
}

function candidateDifferences(
  said: CandidateReading,
  seen: CandidateReading,
  dialect: Tongue,
): readonly string[] {
  const hasRefusals = dialect === 'canonical' || dialect === 'openai-chat' || dialect === 'openai-responses'
  const [text, refusal] = hasRefusals ? [said.text, said.refusal] : [said.text + said.refusal, '']
  const faults = [...differ('text', text, seen.text), ...differ('refusal', refusal, seen.refusal)]
  if (dialect === 'openai-completions') return [...faults, ...finishDifference(said, seen, dialect)]
  return [
    ...faults,
    // Dialects part reasoning into paragraphs in their own ways: white space does not count.
    ...differ('reasoning', squeezed(said.reasoning), squeezed(seen.reasoning)),
    ...callDifferences(sayableCalls(said, dialect), seen.calls, dialect),
    ...finishDifference(said, seen, dialect),
  ]
}

function squeezed(text: string): string {
  return text.replace(/\s+/g, '')
}

export function differ(name: string, said: unknown, seen: unknown): readonly string[] {
  const [left, right] = [sorted(said), sorted(seen)]
  return left === right ? [] : [`${name}: ${brief(left)} was said, ${brief(right)} seen`]
}

/** As text, keys in order: what one server prints first another prints last. */
function sorted(value: unknown): string {
  return (
    JSON.stringify(value, (_key, inner: unknown) =>
      typeof inner === 'object' && inner !== null && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).sort(([left], [right]) => (left < right ? -1 : 1)))
        : inner,
    ) ?? 'undefined'
  )
}

/** Prompts and answers are other people's: enough of them to see what differs. */
function brief(text: string): string {
  return text.length <= 120 ? text : `${text.slice(0, 80)}...${text.slice(-30)} (${text.length})`
}

/** Gemini says a call whose arguments are no JSON by its end alone, as a call that went wrong. */
function sayableCalls({ calls }: CandidateReading, dialect: Tongue): readonly CallReading[] {
  return dialect === 'gemini' ? calls.filter((call) => !isMalformed(call)) : calls
}

function isMalformed({ input, isCustom }: CallReading): boolean {
  return typeof input === 'string' && !isCustom
}

function callDifferences(
  said: readonly CallReading[],
  seen: readonly CallReading[],
  dialect: Tongue,
): readonly string[] {
  const names = differ(
    'tool calls',
    said.map(({ name }) => name),
    seen.map(({ name }) => name),
  )
  if (names.length > 0) return names
  return said.flatMap((call, place) => {
    const due = inputsDue(call, dialect)
    const found = sorted(seen[place]?.input)
    return due === undefined || due.some((input) => sorted(input) === found)
      ? []
      : differ(`input of ${call.name}`, due[0], seen[place]?.input)
  })
}

/** Two dialects take nothing but an object as input: free text stands inside one, and what is no JSON is told apart. */
function inputsDue({ input, isCustom }: CallReading, dialect: Tongue): readonly unknown[] | undefined {
  const takesObjects = dialect === 'anthropic-messages' || dialect === 'gemini'
  if (!takesObjects) return [input]
  // Free text that happens to be an object is an object to a dialect that knows no other.
  if (isCustom) return [{ input }, parsed(String(input))]
  return typeof input === 'object' && !Array.isArray(input) ? [input] : undefined
}

function finishDifference(
  said: CandidateReading,
  seen: CandidateReading,
  dialect: Tongue,
): readonly string[] {
  const due = finishesDue(said, dialect)
  return due.includes(seen.finish) ? [] : [`finish: ${due.join(' or ')} was said, ${seen.finish} seen`]
}

/** The words a dialect has for an end. The first is the nearest. */
function finishesDue(said: CandidateReading, dialect: Tongue): readonly FinishKind[] {
  const { finish } = said
  switch (dialect) {
    case 'anthropic-messages':
      return said.refusal !== '' || finish === 'content-filter' ? ['refusal'] : anthropicFinishes(finish)
    case 'gemini':
      return geminiFinishes(said)
    case 'openai-responses':
      return responsesFinishes(said)
    case 'openai-chat':
    case 'openai-completions':
      return chatFinishes(said)
    case 'canonical':
      return [finish]
  }
}

function anthropicFinishes(finish: FinishKind): readonly FinishKind[] {
  if (finish === 'malformed-tool-call' || finish === 'error' || finish === 'other') return ['stop', 'other']
  return [finish]
}

function geminiFinishes({ finish, calls }: CandidateReading): readonly FinishKind[] {
  if (calls.some(isMalformed)) return ['malformed-tool-call', finish]
  const stopped = calls.length > 0 ? 'tool-calls' : 'stop'
  switch (finish) {
    case 'content-filter':
    case 'refusal':
      return ['content-filter']
    case 'context-window':
      return ['length']
    case 'pause':
      return [stopped, 'other']
    case 'error':
      return ['other', stopped]
    case 'tool-calls':
      return [stopped]
    case 'other':
      return ['other', stopped]
    default:
      return [finish]
  }
}

function responsesFinishes({ finish, calls }: CandidateReading): readonly FinishKind[] {
  const stopped = calls.length > 0 ? 'tool-calls' : 'stop'
  switch (finish) {
    case 'length':
    case 'context-window':
      return ['length']
    case 'content-filter':
      return ['content-filter']
    case 'refusal':
      return [stopped, 'content-filter']
    case 'other':
      return [stopped, 'other']
    default:
      return [stopped]
  }
}

function chatFinishes({ finish, calls }: CandidateReading): readonly FinishKind[] {
  const stopped = calls.length > 0 ? 'tool-calls' : 'stop'
  switch (finish) {
    case 'length':
    case 'context-window':
      return ['length']
    case 'content-filter':
    case 'refusal':
      return ['content-filter']
    case 'error':
      return ['other', stopped]
    default:
      return [stopped]
  }
}

/** A count nobody reported and a count of zero are alike to who adds them up. */
function usageDifferences(
  said: UsageReading | undefined,
  seen: UsageReading | undefined,
  dialect: Tongue,
): readonly string[] {
  const zero = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, reasoning: 0 }
  const due = said ?? zero
  const found = seen ?? zero
  const names: (keyof UsageReading)[] = ['input', 'output', 'cacheRead', 'reasoning']
  // Gemini has no word for what was written to the cache.
  if (dialect !== 'gemini') names.push('cacheWrite')
  return names.flatMap((name) => differ(`usage.${name}`, due[name], found[name]))
}
