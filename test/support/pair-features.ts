/** What a client of each dialect may ask for, how each target has to be told, and what is lost where: judged pair by pair. */

import { expect, test } from 'vitest'
import type { ClientDialect } from './client-answer.ts'
import { TARGET_NAMES, type TargetName } from './every-dialect.ts'
import { CLIENTS, isSameDialect, type Mode, type PairStage } from './pair-stage.ts'

type Body = Readonly<Record<string, unknown>>

export interface RequestFeature {
  readonly name: string
  /** Default: plain. */
  readonly mode?: Mode
  /** In the client's own words; a client that is not named has none for it. */
  readonly asked: Partial<Readonly<Record<ClientDialect, Body>>>
  /** What the request of a target must hold, in the words of that target. */
  readonly sent:
    | Readonly<Record<TargetName, object>>
    | ((client: ClientDialect, target: TargetName) => object)
  /** What is lost there, by name; nothing elsewhere. */
  readonly lost?:
    | Partial<Readonly<Record<TargetName, readonly string[]>>>
    | ((client: ClientDialect, target: TargetName) => readonly string[])
  /** What must not stand anywhere in the request of a target of another dialect. */
  readonly unsaid?: readonly string[]
}

interface Pair {
  readonly client: ClientDialect
  readonly target: TargetName
  readonly asked: Body
}

function pairsOf(feature: RequestFeature): readonly Pair[] {
  return CLIENTS.flatMap((client) => {
    const asked = feature.asked[client]
    return asked === undefined ? [] : TARGET_NAMES.map((target) => ({ client, target, asked }))
  })
}

function lossesOf({ lost }: RequestFeature, { client, target }: Pair): readonly string[] {
  if (isSameDialect(client, target)) return []
  const names = typeof lost === 'function' ? lost(client, target) : (lost?.[target] ?? [])
  return [...names].sort()
}

/** One test for each feature; every pair that fails is named. */
export function testRequests(features: readonly RequestFeature[], stage: () => PairStage): void {
  test.each(features)('$name', async (feature) => {
    expect(pairsOf(feature)).not.toHaveLength(0)
    for (const pair of pairsOf(feature)) await judge(feature, pair, stage())
  })
}

async function judge(feature: RequestFeature, pair: Pair, stage: PairStage): Promise<void> {
  const { client, target, asked: body } = pair
  const where = `${client} -> ${target}`
  const { mode = 'plain' } = feature
  const told = await stage.ask({ client, target, body, mode })
  const lost = lossesOf(feature, pair)
  expect.soft(told.answer.error?.message, where).toBeUndefined()
  expect.soft(told.losses, `${where}, losses`).toEqual(lost)
  if (isSameDialect(client, target)) expect.soft(told.sent, where).toMatchObject(withoutModel(body))
  else {
    const wanted = typeof feature.sent === 'function' ? feature.sent(client, target) : feature.sent[target]
    expect.soft(told.sent, where).toMatchObject(wanted)
    for (const text of feature.unsaid ?? []) expect.soft(told.asked?.text, where).not.toContain(text)
  }
  await judgeStrict(pair, { lost, mode }, stage)
}

/** Refused before the provider is asked, for what would be lost, by its name or in the words that Claude Code understands. */
async function judgeStrict(
  { client, target, asked: body }: Pair,
  { lost, mode }: { readonly lost: readonly string[]; readonly mode: Mode },
  stage: PairStage,
): Promise<void> {
  const where = `${client} -> ${target}, strict`
  const { answer, asked } = await stage.ask({ client, target, body, mode, isStrict: true })
  expect.soft(answer.status, where).toBe(lost.length === 0 ? 200 : 400)
  if (lost.length === 0 || answer.status !== 400) return
  expect.soft(asked?.text, where).toBeUndefined()
  expect.soft(answer.error?.code, where).toBe('loss_refused')
  const message = answer.error?.message ?? ''
  if (message.startsWith('capability_rejected: ')) return
  for (const name of lost) expect.soft(message, where).toContain(name)
}

function withoutModel({ model: _model, ...body }: Body): Body {
  return body
}

/** The last turn of a conversation, in every client's own words, made of the parts that each has for it. */
export function userTurn(parts: Partial<Readonly<Record<ClientDialect, readonly object[]>>>): {
  readonly [Dialect in ClientDialect]?: Body
} {
  const { 'openai-chat': chat, 'anthropic-messages': messages, 'openai-responses': responses, gemini } = parts
  return {
    ...(chat === undefined ? {} : { 'openai-chat': { messages: [{ role: 'user', content: chat }] } }),
    ...(messages === undefined
      ? {}
      : { 'anthropic-messages': { messages: [{ role: 'user', content: messages }] } }),
    ...(responses === undefined
      ? {}
      : { 'openai-responses': { input: [{ role: 'user', content: responses }] } }),
    ...(gemini === undefined ? {} : { gemini: { contents: [{ role: 'user', parts: gemini }] } }),
  }
}
