/** Questions about a schema at a place in the document: which fields may stand there, is it a secret? */

import { z } from 'zod'
import type { Path } from './fault.ts'

/** The schema that judges the value at `path`, wrappers taken off; `undefined` where nothing may stand. */
export function schemaAt(schema: z.core.$ZodType, path: Path): z.core.$ZodType | undefined {
  return path.reduce<z.core.$ZodType | undefined>(
    (current, step) => (current === undefined ? undefined : childOf(unwrap(current), step)),
    schema,
  )
}

/** The fields an object at `path` may have. */
export function fieldsAt(schema: z.core.$ZodType, path: Path): readonly string[] {
  const inner = objectAt(schema, path)
  return inner === undefined ? [] : Object.keys(inner._zod.def.shape)
}

export function isObjectAt(schema: z.core.$ZodType, path: Path): boolean {
  return objectAt(schema, path) !== undefined
}

/** Whether one plain value is meant at `path`, and neither fields nor a list. */
export function isScalarAt(schema: z.core.$ZodType, path: Path): boolean {
  const found = schemaAt(schema, path)
  if (found === undefined) return false
  const inner = unwrap(found)
  return !(
    inner instanceof z.core.$ZodObject ||
    inner instanceof z.core.$ZodRecord ||
    inner instanceof z.core.$ZodArray
  )
}

export function isSecretAt(schema: z.core.$ZodType, path: Path): boolean {
  return metaAt(schema, path, 'isSecret') === true
}

/** A value that may stand at `path`, where the schema gives one. */
export function exampleAt(schema: z.core.$ZodType, path: Path): string | undefined {
  const examples = metaAt(schema, path, 'examples')
  return Array.isArray(examples) ? String(examples[0]) : undefined
}

/** Wrappers carry descriptions of their own, so the note may sit on any layer. */
function metaAt(schema: z.core.$ZodType, path: Path, name: string): unknown {
  let current = schemaAt(schema, path)
  while (current !== undefined) {
    const found = z.globalRegistry.get(current)?.[name]
    if (found !== undefined) return found
    current = innerOf(current)
  }
  return undefined
}

function objectAt(schema: z.core.$ZodType, path: Path): z.core.$ZodObject | undefined {
  const found = schemaAt(schema, path)
  const inner = found && unwrap(found)
  return inner instanceof z.core.$ZodObject ? inner : undefined
}

function childOf(schema: z.core.$ZodType, step: string | number): z.core.$ZodType | undefined {
  if (schema instanceof z.core.$ZodObject) {
    const shape: Readonly<Record<string, z.core.$ZodType>> = schema._zod.def.shape
    return typeof step === 'string' && Object.hasOwn(shape, step) ? shape[step] : undefined
  }
  if (schema instanceof z.core.$ZodRecord) return schema._zod.def.valueType
  if (schema instanceof z.core.$ZodArray) return schema._zod.def.element
  return undefined
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  const inner = innerOf(schema)
  return inner === undefined ? schema : unwrap(inner)
}

function innerOf(schema: z.core.$ZodType): z.core.$ZodType | undefined {
  if (
    schema instanceof z.core.$ZodOptional ||
    schema instanceof z.core.$ZodDefault ||
    schema instanceof z.core.$ZodPrefault ||
    schema instanceof z.core.$ZodNullable
  ) {
    return schema._zod.def.innerType
  }
  if (schema instanceof z.core.$ZodPipe) return schema._zod.def.in
  // Of a choice, the fields are those of the one option that has any.
  if (schema instanceof z.core.$ZodUnion)
    return schema._zod.def.options.find((option) => unwrap(option) instanceof z.core.$ZodObject)
  return undefined
}
