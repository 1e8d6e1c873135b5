/** Sets fields at the top of a YAML file as a person would: the rest of the file and its comments stay. */

import { type Document, isMap, isScalar, parseDocument, type YAMLMap } from 'yaml'
import { type Edited, SETTINGS_LENGTH_MAX, tooLarge, type Unedited } from './edited.ts'

export type ReadYaml = { readonly ok: true; readonly document: Document; readonly fields: YAMLMap } | Unedited

export function editYaml(text: string, values: Readonly<Record<string, string>>): Edited {
  const read = readYaml(text, {})
  if (!read.ok) return read
  const { document, fields } = read
  const changed = Object.entries(values).filter(([name, value]) => fields.get(name) !== value)
  // Set, it would change whatever refers to it as well.
  const shared = changed.find(([name]) => hasAnchor(fields, name))
  if (shared !== undefined)
    return { ok: false, reason: `gives ${shared[0]} an anchor that others may refer to` }
  for (const [name, value] of changed) fields.set(name, value)
  return { ok: true, text: changed.length > 0 ? document.toString({ lineWidth: 0 }) : text }
}

function hasAnchor(fields: YAMLMap, name: string): boolean {
  const node = fields.get(name, true)
  return isScalar(node) && node.anchor !== undefined
}

/** `fresh`: the fields of a file that has none. */
export function readYaml(text: string, fresh: Readonly<Record<string, unknown>>): ReadYaml {
  if (text.length > SETTINGS_LENGTH_MAX) return tooLarge
  const document = parse(text)
  if (document === undefined || document.errors.length > 0) return { ok: false, reason: 'is not valid YAML' }
  if (document.contents === null) document.contents = document.createNode(fresh)
  const { contents: fields } = document
  return isMap(fields) ? { ok: true, document, fields } : { ok: false, reason: 'is not a set of fields' }
}

function parse(text: string): Document | undefined {
  try {
    // Sound: without reviving options the contents are whatever the text says, as `Document` types them.
    return parseDocument(text, { prettyErrors: false })
  } catch {
    return undefined
  }
}
