/** One route of the admin API as a value: what it takes, what it answers, and who does it. */

import type { z } from 'zod'
import type { Directory } from '../../keys/records.ts'
import type { CsvCell } from '../../reports/csv.ts'
import type { AdminRoute } from './access.ts'
import type { Caller } from './caller.ts'
import type { AdminRooms } from './rooms.ts'
import type { Sight } from './sight.ts'

/** What every handler is given. */
export interface AdminCall {
  readonly caller: Caller
  readonly sight: Sight
  /** At the moment of the call. */
  readonly directory: Directory
  readonly rooms: AdminRooms
  /** The one parameter of the path; empty where it has none. */
  readonly id: string
  /** Whether a table is wanted, which may be longer than a page. */
  readonly isCsv: boolean
}

/** How an answer becomes a table: a line for each of its rows. */
export interface CsvTable<Answer extends { readonly data: readonly unknown[] }> {
  readonly columns: readonly string[]
  /** Asked once for each answer. It gives one cell for each column; absent cells are empty. */
  readonly cells: (asked: {
    readonly answer: Answer
    readonly call: AdminCall
  }) => (row: Answer['data'][number]) => readonly CsvCell[]
}

interface EndpointSpec<
  Query extends z.ZodObject | undefined,
  Body extends z.ZodObject | undefined,
  Answer extends z.ZodType,
> {
  readonly route: AdminRoute
  readonly summary: string
  readonly query?: Query
  readonly body?: Body
  /** Default 200. */
  readonly status?: 200 | 201
  /** Only what it names is sent. */
  readonly answer: Answer
  /** For those that can be had as CSV. */
  readonly csv?: CsvTable<z.input<Answer> & { readonly data: readonly unknown[] }>
  handle(
    call: AdminCall & { readonly query: Parsed<Query>; readonly body: Parsed<Body> },
  ): Promise<z.input<Answer>>
}

type Parsed<Schema extends z.ZodObject | undefined> = Schema extends z.ZodObject
  ? z.output<Schema>
  : undefined

/** With its own types forgotten, so that all of them make one list. */
export interface Endpoint {
  readonly route: AdminRoute
  readonly summary: string
  readonly query?: z.ZodObject
  readonly body?: z.ZodObject
  readonly status: 200 | 201
  readonly answer: z.ZodType
  readonly csv?: CsvTable<{ readonly data: readonly unknown[] }>
  handle(call: AdminCall & { readonly query: unknown; readonly body: unknown }): Promise<unknown>
}

export function endpoint<
  Answer extends z.ZodType,
  Query extends z.ZodObject | undefined = undefined,
  Body extends z.ZodObject | undefined = undefined,
>(spec: EndpointSpec<Query, Body, Answer>): Endpoint {
  // Sound: query, body and answer have been parsed by the schemas beside the handler before it is called.
  return { status: 200, ...spec } as unknown as Endpoint
}
