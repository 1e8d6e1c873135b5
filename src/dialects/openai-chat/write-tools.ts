/** Tools and the choice among them. */

import type { ToolChoice, ToolDefinition } from '../../canonical/request.ts'
import { assertNever } from '../../std/assert-never.ts'
import { type JsonObject, type JsonValue, stringOf } from '../../std/json.ts'
import { DIALECT, listOf, withoutAbsent } from './fields.ts'
import type { Losses } from './losses.ts'

export interface ToolWriting {
  /** The request came in this dialect: its own words return as they were. */
  readonly isOwn: boolean
  readonly losses: Losses
}

/** `undefined` where no tool is left: the dialect refuses an empty list. */
export function writeTools(
  tools: readonly ToolDefinition[] | undefined,
  { isOwn, losses }: ToolWriting,
): readonly JsonObject[] | undefined {
  const written = (tools ?? []).flatMap((tool) => {
    const said = listOf(writeTool(tool, losses))
    const hint = tool.kind === 'function' ? tool.cacheHint : undefined
    return hint && isOwn ? said.map((fields) => ({ ...fields, cache_control: cacheControl(hint.ttl) })) : said
  })
  return written.length === 0 ? undefined : written
}

function writeTool(tool: ToolDefinition, losses: Losses): JsonObject | undefined {
  if (tool.kind === 'opaque') {
    if (tool.dialect === DIALECT) return tool.value
    const name = tool.name ?? stringOf(tool.value['type']) ?? 'unknown'
    losses.add(`tools.${name}`, 'only the dialect it came from knows this kind of tool')
    return undefined
  }
  const { vendor } = tool
  if (vendor !== undefined && vendor.dialect !== DIALECT) noteVendor(vendor.fields, losses)
  return {
    type: 'function',
    function: withoutAbsent({
      name: tool.name,
      description: tool.description,
      parameters: tool.parameters,
      strict: tool.isStrict,
    }),
    ...(vendor?.dialect === DIALECT ? vendor.fields : {}),
  }
}

function noteVendor(fields: JsonObject, losses: Losses): void {
  for (const field of Object.keys(fields))
    losses.add(`tools.${field}`, 'the OpenAI chat API has no such field')
}

export function cacheControl(ttl: string | undefined): JsonObject {
  return { type: 'ephemeral', ...(ttl === undefined ? {} : { ttl }) }
}

export function writeToolChoice(choice: ToolChoice | undefined, losses: Losses): JsonValue | undefined {
  switch (choice?.type) {
    case undefined:
      return undefined
    case 'auto':
    case 'none':
    case 'required':
      return choice.type
    case 'tool':
      return { type: 'function', function: { name: choice.name } }
    case 'opaque':
      if (choice.dialect === DIALECT) return choice.value
      losses.add('tool_choice', 'only the dialect it came from knows this choice')
      return undefined
    default:
      return assertNever(choice)
  }
}
