/** AWS's own description of the Converse API, where it stands beside the repository, as a check of what is written. */

import { existsSync, readFileSync } from 'node:fs'
import { isJsonObject } from '../../std/json.ts'

const file = new URL('../../../../shared/specs/bedrock/bedrock-runtime.service-2.json', import.meta.url)

export const hasServiceModel: boolean = existsSync(file)

interface Member {
  readonly shape: string
  readonly location?: string
}

interface Shape {
  readonly type: string
  readonly members?: Readonly<Record<string, Member>>
  readonly required?: readonly string[]
  readonly union?: boolean
  readonly document?: boolean
  readonly member?: Member
  readonly value?: Member
  readonly enum?: readonly string[]
  readonly pattern?: string
  readonly min?: number
  readonly max?: number
}

/** Complaints about a request body, each with its path; empty where it is as described. */
export function checkShape(name: string, value: unknown): readonly string[] {
  // Sound: this is the form of AWS's service descriptions, version 2.
  shapes ??= (JSON.parse(readFileSync(file, 'utf8')) as { shapes: Record<string, Shape> }).shapes
  return check(name, value, name)
}

let shapes: Readonly<Record<string, Shape>> | undefined

function check(name: string, value: unknown, at: string): readonly string[] {
  const shape = shapes?.[name]
  if (shape === undefined) return [`${at}: no shape ${name}`]
  if (shape.document) return []
  switch (shape.type) {
    case 'structure':
      return checkStructure(shape, value, at)
    case 'list':
      return checkList(shape, value, at)
    case 'map':
      if (!isJsonObject(value)) return [`${at}: no map`]
      return Object.entries(value).flatMap(([key, item]) =>
        check(shape.value?.shape ?? '', item, `${at}.${key}`),
      )
    case 'string':
    case 'blob':
      return checkText(shape, value, at)
    case 'boolean':
      return typeof value === 'boolean' ? [] : [`${at}: no boolean`]
    default:
      return checkNumber(shape, value, at)
  }
}

function checkStructure(shape: Shape, value: unknown, at: string): readonly string[] {
  if (!isJsonObject(value)) return [`${at}: no object`]
  const members = shape.members ?? {}
  const names = Object.keys(value).filter((key) => value[key] !== undefined)
  const missing = (shape.required ?? []).filter(
    (key) => members[key]?.location === undefined && value[key] === undefined,
  )
  return [
    ...missing.map((key) => `${at}: lacks ${key}`),
    ...(shape.union && names.length !== 1 ? [`${at}: ${names.length} members of a union`] : []),
    ...names.flatMap((key) => {
      const member = members[key]
      return member === undefined
        ? [`${at}: unknown ${key}`]
        : check(member.shape, value[key], `${at}.${key}`)
    }),
  ]
}

function checkList(shape: Shape, value: unknown, at: string): readonly string[] {
  if (!Array.isArray(value)) return [`${at}: no list`]
  return [
    ...checkRange(shape, value.length, at),
    ...value.flatMap((item, index) => check(shape.member?.shape ?? '', item, `${at}[${index}]`)),
  ]
}

function checkText(shape: Shape, value: unknown, at: string): readonly string[] {
  if (typeof value !== 'string') return [`${at}: no text`]
  if (shape.enum && !shape.enum.includes(value)) return [`${at}: ${value} is no value of it`]
  const isOdd = shape.pattern !== undefined && !new RegExp(`^(?:${shape.pattern})$`).test(value)
  return [...(isOdd ? [`${at}: does not match`] : []), ...checkRange(shape, value.length, at)]
}

function checkNumber(shape: Shape, value: unknown, at: string): readonly string[] {
  return typeof value === 'number' ? checkRange(shape, value, at) : [`${at}: no number`]
}

function checkRange({ min, max }: Shape, size: number, at: string): readonly string[] {
  const isOut = (min !== undefined && size < min) || (max !== undefined && size > max)
  return isOut ? [`${at}: ${size} is out of range`] : []
}
