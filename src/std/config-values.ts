/**
 * The values that configuration is written in, each parsed once into its unit: durations into ms, sizes into bytes,
 * secrets into something that cannot be printed. Messages never repeat the value; the place they appear in does.
 */

import { z } from 'zod'
import { Secret } from './secret.ts'

/** `500ms`, `30s`, `10m`, `2h`: a number is never guessed to be of some unit. */
export function durationSchema(limits: { readonly minMs: number; readonly maxMs: number }) {
  return z
    .string()
    .transform((text, context) => {
      const ms = parseUnits(text, durationUnits)
      if (ms === undefined) {
        return refuse(context, 'is not a duration: write a number and a unit, such as 500ms, 30s, 10m or 2h')
      }
      if (ms < limits.minMs || ms > limits.maxMs) {
        const range = `from ${writeDuration(limits.minMs)} to ${writeDuration(limits.maxMs)}`
        return refuse(context, `is out of range: write a duration ${range}`)
      }
      return ms
    })
    .meta({ pattern: '^[0-9]+(\\.[0-9]+)?(ms|s|m|h)$', examples: ['500ms', '30s', '10m'] })
}

/** `64KiB`, `32MiB`, `1GiB`, or a number of bytes. */
export function byteSizeSchema(limits: { readonly minBytes: number; readonly maxBytes: number }) {
  return z
    .union([z.number(), z.string()])
    .transform((value, context) => {
      const bytes = typeof value === 'number' ? value : parseUnits(value, sizeUnits)
      if (bytes === undefined || !Number.isSafeInteger(bytes)) {
        return refuse(
          context,
          'is not a size: write whole bytes or a number and a unit, such as 64KiB or 32MiB',
        )
      }
      if (bytes < limits.minBytes || bytes > limits.maxBytes) {
        const range = `from ${writeBytes(limits.minBytes)} to ${writeBytes(limits.maxBytes)}`
        return refuse(context, `is out of range: write a size ${range}`)
      }
      return bytes
    })
    .meta({ examples: ['64KiB', '32MiB', 1_048_576] })
}

/** `2%`: a share of something, read as a fraction; a bare number is never guessed to be one or the other. */
export function shareSchema(limits: { readonly minPercent: number; readonly maxPercent: number }) {
  return z
    .string()
    .transform((text, context) => {
      const percent = /^(\d{1,3}(?:\.\d{1,6})?)\s*%$/.exec(text.trim())?.[1]
      if (percent === undefined)
        return refuse(context, 'is not a share: write a number of percent, such as 2%')
      const isInRange = Number(percent) >= limits.minPercent && Number(percent) <= limits.maxPercent
      return isInRange
        ? Number(percent) / 100
        : refuse(context, `is out of range: write from ${limits.minPercent}% to ${limits.maxPercent}%`)
    })
    .meta({ pattern: '^[0-9]+(\\.[0-9]+)?%$', examples: ['2%', '10%'] })
}

/** Where a secret comes from. The text of a literal becomes a `Secret` the moment it is read. */
export type SecretReference =
  | { readonly kind: 'environment'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'literal'; readonly secret: Secret }
  /** Text around `${NAME}`, as in `Bearer ${TOKEN}`. */
  | { readonly kind: 'template'; readonly template: string }

/** `${NAME}`, `os.environ/NAME`, `file:path`, or the secret itself. */
export const secretSchema = z
  .string()
  .min(1, 'is empty: write ${NAME} to read it from the environment, or leave the field out')
  .transform(readSecretReference)
  .meta({ examples: ['${OPENAI_API_KEY}', 'os.environ/OPENAI_API_KEY', 'file:openai.key'], isSecret: true })

export function readSecretReference(text: string): SecretReference {
  const trimmed = text.trim()
  const name = /^\$\{([^{}]*)\}$/.exec(trimmed)?.[1] ?? /^os\.environ\/(.*)$/.exec(trimmed)?.[1]
  if (name !== undefined) return { kind: 'environment', name: name.trim() }
  if (trimmed.startsWith('file:')) return { kind: 'file', path: trimmed.slice('file:'.length).trim() }
  if (trimmed.includes('${')) return { kind: 'template', template: text }
  return { kind: 'literal', secret: new Secret(trimmed) }
}

const durationUnits: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }
const sizeUnits: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }

function parseUnits(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d{1,12}(?:\.\d{1,6})?)\s*([A-Za-z]{1,3})$/.exec(text.trim())
  const factor = match?.[2] === undefined || !Object.hasOwn(units, match[2]) ? undefined : units[match[2]]
  return factor === undefined ? undefined : Math.round(Number(match?.[1]) * factor)
}

export function writeDuration(ms: number): string {
  for (const [unit, factor] of [
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1_000],
  ] as const) {
    if (ms >= factor && ms % factor === 0) return `${ms / factor}${unit}`
  }
  return `${ms}ms`
}

export function writeBytes(bytes: number): string {
  for (const [unit, factor] of [
    ['GiB', 1024 ** 3],
    ['MiB', 1024 ** 2],
    ['KiB', 1024],
  ] as const) {
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${unit}`
  }
  return `${bytes} bytes`
}

function refuse(context: z.RefinementCtx, message: string): typeof z.NEVER {
  context.addIssue({ code: 'custom', message })
  return z.NEVER
}
