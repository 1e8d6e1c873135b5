/** What the schema of an answer is for, in dialects whose schemas have no description beside them: it stands inside. */

import type { OutputFormat } from '../canonical/request.ts'
import type { JsonObject } from '../std/json.ts'

type SchemaFormat = Extract<OutputFormat, { type: 'json-schema' }>

/** A schema that describes itself keeps its own words. */
export function describedSchema({ schema, description }: SchemaFormat): JsonObject {
  if (description === undefined || schema['description'] !== undefined) return schema
  return { ...schema, description }
}

/** Whether the description has no place left. */
export function losesDescription({ schema, description }: SchemaFormat): boolean {
  const own = schema['description']
  return description !== undefined && own !== undefined && own !== description
}

export const DESCRIPTION_FIELD = 'response_format.json_schema.description'
