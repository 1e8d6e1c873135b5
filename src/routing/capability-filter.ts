/**
 * Leaves out of a plan the targets that lack what a request needs, by what is published of their models. Where there is
 * only one target it is never left out: published facts may be wrong or old, and the provider has the last word.
 */

import type { Ability } from '../canonical/needs.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { ModelFacts } from '../providers/model-facts.ts'
import type { Target, TargetId } from '../providers/provider.ts'
import { inputRoom, lackedAbilities } from './lacks.ts'
import type { SkippedTarget } from './plan.ts'
import { firstOfEachPool } from './pool.ts'
import { mayExceed, type RequestNeeds } from './request-needs.ts'

export interface FilteredTargets {
  readonly targets: readonly Target[]
  readonly skipped: readonly SkippedTarget[]
}

export type FactsOf = (target: Target) => ModelFacts | undefined

/** Throws `capability_missing` where no target has what is needed. */
export function filterByNeeds(
  targets: readonly Target[],
  { needs, factsOf }: { readonly needs: RequestNeeds; readonly factsOf: FactsOf },
): FilteredTargets {
  const models = firstOfEachPool(targets)
  if (models.length < 2) return { targets, skipped: [] }
  const judged = models.map((target) => judge(target, factsOf(target)))
  if (!judged.some((one) => mayMatter(one, needs))) return { targets, skipped: [] }
  const wanted = needs.get()
  if (wanted === undefined) return { targets, skipped: [] }
  const skipped = new Map<TargetId, SkippedTarget>()
  for (const { target, lacked } of judged) {
    const lacks = [...wanted.abilities].filter((ability) => lacked.has(ability))
    if (lacks.length > 0) skipped.set(target.id, { targetId: target.id, lacks })
  }
  if (skipped.size === models.length) throw capabilityMissing([...skipped.values()])
  const able = judged.filter(({ target }) => !skipped.has(target.id))
  for (const target of tooSmall(able, wanted.inputTokensMin)) {
    skipped.set(target.id, { targetId: target.id, lacks: ['context-window'] })
  }
  return { targets: targets.filter(({ id }) => !skipped.has(id)), skipped: [...skipped.values()] }
}

interface Judged {
  readonly target: Target
  readonly lacked: ReadonlySet<Ability>
  readonly room: number | undefined
}

function judge(target: Target, facts: ModelFacts | undefined): Judged {
  return { target, lacked: lackedAbilities(facts), room: inputRoom(facts) }
}

function mayMatter({ lacked, room }: Judged, needs: RequestNeeds): boolean {
  if (room !== undefined && mayExceed(needs, room)) return true
  for (const ability of lacked) if (needs.mayNeed(ability)) return true
  return false
}

/** Only where one is left that may be large enough: else the provider says that the request is too long, and by how much. */
function tooSmall(judged: readonly Judged[], inputTokensMin: number): readonly Target[] {
  const small = judged.filter(({ room }) => room !== undefined && inputTokensMin > room)
  return small.length === judged.length ? [] : small.map(({ target }) => target)
}

const needed: Readonly<Record<SkippedTarget['lacks'][number], string>> = {
  tools: 'tools',
  vision: 'images',
  audio: 'audio',
  documents: 'documents',
  'json-schema': 'answers by a JSON Schema',
  speech: 'spoken answers',
  'context-window': 'a context window that is large enough',
  file: 'the files it names',
}

/** Names what is lacking and where. */
function capabilityMissing(skipped: readonly SkippedTarget[]): GatewayError {
  const each = skipped.map(({ targetId, lacks }) => {
    const words = lacks.map((lack) => needed[lack])
    return `${targetId} (${words.join(', ')})`
  })
  return new GatewayError(
    'capability_missing',
    `No target of this route can do what the request needs. What each lacks: ${each.join('; ')}.`,
    { lacks: [...new Set(skipped.flatMap(({ lacks }) => lacks))] },
  )
}
