/**
 * I3: what was delivered is made of what providers said for this very request: no word twice, none left out, none of
 * anybody else's. Another voice may go on only where a call began to go on.
 */

import type { UpstreamCall } from '../../src/drill/engine/history.ts'
import { readWords, type WordRun } from '../../src/drill/engine/words.ts'
import { isJsonObject, parseJson } from '../../src/std/json.ts'
import { nameOf, type TryFacts } from '../facts.ts'
import type { Invariant } from './invariant.ts'

export const trueText: Invariant = {
  id: 'I3',
  title: 'delivered text is made of what providers said, without gap, repetition or foreign byte',
  check: ({ tries }) =>
    tries.flatMap((facts) => {
      const words = whatIsWrong(facts)
      return words === undefined ? [] : [`${nameOf(facts)} ${words}`]
    }),
}

function whatIsWrong(facts: TryFacts): string | undefined {
  const { made, calls } = facts
  const text = readWords(made.text)
  if (text.type === 'broken') return `was told ${quote(made.text, text.at)}, which is no word`
  const toolCalls = made.toolCalls.map(readToolCall)
  if (toolCalls.includes(undefined))
    return `was told a tool call that is none: ${quote(made.toolCalls.join(' '), 0)}`
  const runs = joined([...text.runs, ...toolCalls.flatMap((call) => call ?? [])])
  return whatIsWrongWith(runs, made.tag, calls) ?? whatIsMissing(runs, facts)
}

/** The words of its one argument. */
function readToolCall(args: string): readonly WordRun[] | undefined {
  const value = parseJson(args)
  const said = isJsonObject(value) ? value['say'] : undefined
  const read = typeof said === 'string' ? readWords(said) : undefined
  return read?.type === 'words' ? read.runs : undefined
}

/** Text and tool calls of one voice are one run. */
function joined(runs: readonly WordRun[]): readonly WordRun[] {
  const all: WordRun[] = []
  for (const run of runs) {
    const last = all.at(-1)
    const goesOn = last?.tag === run.tag && last.voice === run.voice && last.until === run.from
    if (last !== undefined && goesOn) all[all.length - 1] = { ...last, until: run.until }
    else all.push(run)
  }
  return all
}

function whatIsWrongWith(
  runs: readonly WordRun[],
  tag: string,
  calls: readonly UpstreamCall[],
): string | undefined {
  let expected = 0
  for (const run of runs) {
    if (run.tag !== tag) return `was told words of another request, ${run.tag}`
    if (run.from !== expected) return `was told word ${run.from} where ${expected} was to come`
    const speakers = calls.filter(({ voice }) => voice === run.voice)
    if (!isSaidByTurns(speakers, run))
      return `was told words ${run.from} to ${run.until} that nobody had said`
    if (run.from > 0 && !calls.some(({ voice, words }) => voice === run.voice && words.from === run.from))
      return `was told ${run.voice} from word ${run.from} on, though no call went on there`
    expected = run.until
  }
  return undefined
}

/** One voice may have several calls, each beginning anew or going on where the one before it broke off. */
function isSaidByTurns(speakers: readonly UpstreamCall[], run: WordRun): boolean {
  let reached = run.from
  for (const { words } of [...speakers].sort((one, other) => one.words.from - other.words.from))
    if (words.from <= reached) reached = Math.max(reached, words.until)
  return reached >= run.until
}

/** Who got a success marker got everything up to the end of the answer. */
function whatIsMissing(runs: readonly WordRun[], { made, calls }: TryFacts): string | undefined {
  const last = runs.at(-1)
  if (!made.hasSuccessMarker) return undefined
  const reached = last?.until ?? 0
  const isWhole = calls.some(({ words, hasTerminal }) => hasTerminal && words.planned === reached)
  return isWhole ? undefined : `got a success marker after word ${reached}, where no answer ended`
}

function quote(text: string, at: number): string {
  return JSON.stringify(text.slice(Math.max(0, at - 32), at + 48))
}
