/** Tools and the choice among them. */

import type { ToolChoice, ToolDefinition } from '../../canonical/request.ts'
import { assertNever } from '../../std/assert-never.ts'
import { type JsonObject, type JsonValue, stringOf } from '../../std/json.ts'
import { DIALECT, listOf, type Losses, withoutAbsent } from './fields.ts'

export interface Writing {
  /** The request came in this dialect: its own words return as they were. */
  readonly isOwn: boolean
  /** It came in the other dialect of the same maker, which has many of the same words. */
  readonly isOpenais?: boolean
  readonly losses: Losses
}

/** `undefined` where no tool is left. */
export function writeTools(
  tools: readonly ToolDefinition[] | undefined,
  writing: Writing,
): readonly JsonObject[] | undefined {
  const written = (tools ?? []).flatMap((tool) => listOf(writeTool(tool, writing)))
  return written.length === 0 ? undefined : written
}

function writeTool(tool: ToolDefinition, { isOwn, losses }: Writing): JsonObject | undefined {
  if (tool.kind === 'opaque') {
    if (tool.dialect === DIALECT) return tool.value
    const name = tool.name ?? stringOf(tool.value['type']) ?? 'unknown'
    losses.add(`tools.${name}`, 'only the dialect it came from knows this kind of tool')
    return undefined
  }
  const { vendor, name, description, parameters, isStrict } = tool
  if (vendor !== undefined && vendor.dialect !== DIALECT) noteVendor(vendor.fields, losses)
  return {
    type: 'function',
    ...withoutAbsent({
      name,
      description,
      // This API reads silence as strict, the others as not strict; and it wants parameters.
      parameters: parameters ?? (isOwn ? undefined : { type: 'object', properties: {} }),
      strict: isStrict ?? (isOwn ? undefined : false),
    }),
    ...(vendor?.dialect === DIALECT ? vendor.fields : {}),
  }
}

function noteVendor(fields: JsonObject, losses: Losses): void {
  for (const field of Object.keys(fields))
    losses.add(`tools.${field}`, 'the OpenAI Responses API has no such field')
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
      return { type: 'function', name: choice.name }
    case 'opaque':
      if (choice.dialect === DIALECT) return choice.value
      losses.add('tool_choice', 'only the dialect it came from knows this choice')
      return undefined
    default:
      return assertNever(choice)
  }
}
