/** Puts one model into Continue's `config.yaml`, beside those that are there. Comments stay. */

import { type Document, isMap, isSeq, parseDocument, YAMLMap, YAMLSeq } from 'yaml'
import { type Edited, SETTINGS_LENGTH_MAX, tooLarge } from './edited.ts'

export interface ContinueModel {
  /** Tells it apart from the others. */
  readonly name: string
  readonly provider: string
  readonly model: string
  readonly apiBase: string
  readonly apiKey: string
}

export function editContinue(text: string, model: ContinueModel): Edited {
  if (text.length > SETTINGS_LENGTH_MAX) return tooLarge
  const document = parse(text)
  if (document === undefined || document.errors.length > 0) return { ok: false, reason: 'is not valid YAML' }
  if (document.contents === null) document.contents = document.createNode(head)
  if (!isMap(document.contents)) return { ok: false, reason: 'is not a set of fields' }
  const models = document.get('models', true) ?? document.createNode([])
  const list = isSeq(models) ? models : undefined
  if (list === undefined) return { ok: false, reason: 'has something else than a list at models' }
  if (!document.has('models')) document.set('models', list)
  return { ok: true, text: changed(document, list, model) ? document.toString() : text }
}

/** What Continue asks of every configuration. */
const head = { name: 'Local configuration', version: '1.0.0', schema: 'v1' }

function parse(text: string): Document | undefined {
  try {
    // Sound: without reviving options the contents are whatever the text says, as `Document` types them.
    return parseDocument(text, { prettyErrors: false })
  } catch {
    return undefined
  }
}

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
