/** Puts one model into Continue's `config.yaml`, beside those that are there. Comments stay. */

import { type Document, isMap, isSeq, type YAMLMap, type YAMLSeq } from 'yaml'
import { readYaml } from './edit-yaml.ts'
import type { Edited } from './edited.ts'

export interface ContinueModel {
  /** Tells it apart from the others. */
  readonly name: string
  readonly provider: string
  readonly model: string
  readonly apiBase: string
  readonly apiKey: string
}

export function editContinue(text: string, model: ContinueModel): Edited {
  const read = readYaml(text, head)
  if (!read.ok) return read
  const { document } = read
  const models = document.get('models', true) ?? document.createNode([])
  const list = isSeq(models) ? models : undefined
  if (list === undefined) return { ok: false, reason: 'has something else than a list at models' }
  if (!document.has('models')) document.set('models', list)
  return { ok: true, text: changed(document, list, model) ? document.toString() : text }
}

/** What Continue asks of every configuration. */
const head = { name: 'Local configuration', version: '1.0.0', schema: 'v1' }

function changed(document: Document, list: YAMLSeq, model: ContinueModel): boolean {
  const known = list.items.find((item): item is YAMLMap => isMap(item) && item.get('name') === model.name)
  if (known === undefined) {
    list.add(document.createNode(model))
    return true
  }
  const fields = Object.entries(model).filter(([field, value]) => known.get(field) !== value)
  for (const [field, value] of fields) known.set(field, value)
  return fields.length > 0
}
