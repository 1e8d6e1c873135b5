/** What a fault is: a name, a sentence, parameters with defaults, the calls it can befall, and what is done to one. */

import type { SimulatedCall } from './call.ts'
import type { StreamFraming } from './piece.ts'
import type { SimulatedDialect } from './request.ts'
import type { Conduct } from './step.ts'

export interface Fault {
  readonly name: string
  /** What a client sees on the wire, in one sentence. */
  readonly description: string
  readonly parameters: Readonly<Record<string, Parameter>>
  /** `reading`: it strikes while the request is still arriving. */
  readonly stage: 'reading' | 'answering'
  /** The answers it can befall: any at all, those of a chat, or only its streams or its plain ones. */
  readonly befalls: 'any' | 'chat' | 'stream' | 'plain'
  /** The dialects whose answers it can befall; absent: all of them. */
  readonly dialects?: readonly SimulatedDialect[]
  /** The framings of streams it can befall; absent: all of them. */
  readonly framings?: readonly StreamFraming[]
  conduct(call: SimulatedCall, values: ParameterValues): Conduct
}

export type Parameter = NumberParameter | ChoiceParameter | TextParameter

export interface NumberParameter {
  readonly kind: 'number'
  readonly default: number
  readonly min: number
  readonly max: number
  readonly description: string
}

export interface ChoiceParameter<Choice extends string = string> {
  readonly kind: 'choice'
  readonly default: Choice
  readonly choices: readonly Choice[]
  readonly description: string
}

export interface TextParameter {
  readonly kind: 'text'
  readonly default: string
  readonly description: string
}

export type ParameterValues = Readonly<Record<string, string | number>>

type ValueOf<P extends Parameter> = P extends NumberParameter
  ? number
  : P extends ChoiceParameter<infer Choice>
    ? Choice
    : string
type ValuesOf<P extends Readonly<Record<string, Parameter>>> = {
  readonly [Name in keyof P]: ValueOf<P[Name]>
}

interface Definition<P extends Readonly<Record<string, Parameter>>> {
  readonly name: string
  readonly description: string
  readonly parameters?: P
  readonly stage?: Fault['stage']
  readonly befalls?: Fault['befalls']
  readonly dialects?: Fault['dialects']
  readonly framings?: Fault['framings']
  conduct(call: SimulatedCall, values: ValuesOf<P>): Conduct
}

/** Declares a fault whose parameters are typed by their declarations. */
export function defineFault<P extends Readonly<Record<string, Parameter>> = Readonly<Record<string, never>>>(
  definition: Definition<P>,
): Fault {
  return {
    name: definition.name,
    description: definition.description,
    parameters: definition.parameters ?? {},
    stage: definition.stage ?? 'answering',
    befalls: definition.befalls ?? 'any',
    ...(definition.dialects === undefined ? {} : { dialects: definition.dialects }),
    ...(definition.framings === undefined ? {} : { framings: definition.framings }),
    // Sound: every value comes from `readParameters`, which makes exactly what the parameters declare.
    conduct: (call, values) => definition.conduct(call, values as ValuesOf<P>),
  }
}

/** A whole number, from 0 unless told otherwise. */
export function number(standard: number, description: string, min = 0, max = 1e12): NumberParameter {
  return { kind: 'number', default: standard, description, min, max }
}

/** One word of a few; the first is the default. */
export function choice<const Choice extends string>(
  choices: readonly [Choice, ...Choice[]],
  description: string,
): ChoiceParameter<Choice> {
  return { kind: 'choice', default: choices[0], choices, description }
}

export function text(standard: string, description: string): TextParameter {
  return { kind: 'text', default: standard, description }
}

export type ReadParameters =
  | { readonly type: 'values'; readonly values: ParameterValues }
  | { readonly type: 'problem'; readonly parameter: string; readonly message: string }

/** The fault's parameters from what a person wrote, the defaults filled in. */
export function readParameters(fault: Fault, given: Readonly<Record<string, unknown>>): ReadParameters {
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(fault.parameters, name))
  if (unknown !== undefined) {
    const known = Object.keys(fault.parameters).join(', ') || 'none'
    return {
      type: 'problem',
      parameter: unknown,
      message: `${fault.name} has no such parameter; it has: ${known}`,
    }
  }
  const values: Record<string, string | number> = {}
  for (const [name, parameter] of Object.entries(fault.parameters)) {
    const value = given[name] === undefined ? parameter.default : readValue(parameter, given[name])
    if (value === undefined) {
      return { type: 'problem', parameter: name, message: `must be ${wanted(parameter)}` }
    }
    values[name] = value
  }
  return { type: 'values', values }
}

function readValue(parameter: Parameter, given: unknown): string | number | undefined {
  if (typeof given !== 'string' && typeof given !== 'number') return undefined
  switch (parameter.kind) {
    case 'number': {
      const value = given === '' ? Number.NaN : Number(given)
      return value >= parameter.min && value <= parameter.max ? value : undefined
    }
    case 'choice':
      return parameter.choices.find((each) => each === String(given))
    case 'text':
      // It may end up in a header, where a line end would begin another.
      return /\p{Cc}/u.test(String(given)) ? undefined : String(given)
  }
}

function wanted(parameter: Parameter): string {
  switch (parameter.kind) {
    case 'number':
      return `a number from ${parameter.min} to ${parameter.max}`
    case 'choice':
      return `one of ${parameter.choices.join(', ')}`
    case 'text':
      return 'text without control characters'
  }
}
