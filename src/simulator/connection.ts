/** One client's connection to the simulator's server: requests in, one at a time, and their answers out. */

import type { Socket } from 'node:net'
import type { Clock } from '../std/clock.ts'
import type { FixedAnswer, FixedAnswers } from './fixed-answers.ts'
import { asksForStream } from './fixed-answers.ts'
import { Player } from './player.ts'
import type { CallLog } from './recorded-call.ts'
import { CallRecord } from './recorded-call.ts'
import type { RequestHead } from './request.ts'
import { readHead } from './read-request.ts'
import { RequestParser } from './request-parser.ts'
import type { ParsedPart } from './request-parser.ts'
import type { Response, Simulator } from './simulator.ts'
import { SocketOutlet } from './socket-outlet.ts'

/** What every connection of a server shares. */
export interface ConnectionRooms {
  readonly simulator: Simulator
  readonly clock: Clock
  readonly log: CallLog
  readonly fixed: FixedAnswers | undefined
}

/** Bodies longer than this are refused (bytes). */
const BODY_BYTES_MAX = 67_108_864
/** Bytes of further requests kept while one is being answered; more are not read. */
const PENDING_BYTES_MAX = 1_048_576
/** A fault of reading is chosen once the model has been seen or so many bytes of body are here. */
const EARLY_BYTES = 10_240

const EMPTY = Buffer.alloc(0)

/** A request on its way in, or being answered. */
interface Current {
  readonly head: RequestHead
  readonly isKeptAlive: boolean
  readonly record: CallRecord
  readonly chunks: Uint8Array[]
  bodyBytes: number
  /** The fault that will strike while the request is read; `undefined` until it is known that there is none. */
  early: 'unknown' | 'none' | Response
}

export class Connection {
  readonly #socket: Socket
  readonly #number: number
  readonly #rooms: ConnectionRooms
  readonly #parser = new RequestParser()
  #current: Current | undefined
  #player: Player | undefined
  #isAnswering = false
  #isDiscarding = false
  #answered = 0

  constructor(socket: Socket, number: number, rooms: ConnectionRooms) {
    this.#socket = socket
    this.#number = number
    this.#rooms = rooms
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('end', () => this.#left())
    socket.on('close', () => this.#left())
    // What goes wrong is followed by 'close'.
    socket.on('error', () => {})
  }

  /** Resolves when the connection is gone. */
  async destroy(): Promise<void> {
    if (this.#socket.closed) return
    const closed = new Promise((resolve) => this.#socket.once('close', resolve))
    this.#socket.destroy()
    await closed
  }

  #left(): void {
    this.#player?.stop()
    this.#current?.record.end('peer-left')
    this.#isDiscarding = true
  }

  #read(chunk: Buffer): void {
    if (this.#isDiscarding) return
    this.#parser.push(chunk)
    if (!this.#isAnswering) this.#advance()
    else if (this.#parser.pendingBytes > PENDING_BYTES_MAX) this.#socket.pause()
  }

  /** Takes what has come of the request; stops where its answer begins. */
  #advance(): void {
    while (!this.#isAnswering && !this.#isDiscarding) {
      const part = this.#parser.next()
      if (!part) return
      this.#take(part)
    }
  }

  #take(part: ParsedPart): void {
    switch (part.type) {
      case 'head':
        return this.#takeHead(part)
      case 'body':
        return this.#takeBody(part.bytes)
      case 'end':
        return this.#takeEnd()
      case 'bad':
        return this.#turnAway(part.status, part.message)
    }
  }

  #takeHead({ head, isKeptAlive, expectsGoAhead }: Extract<ParsedPart, { type: 'head' }>): void {
    const { log, clock, simulator } = this.#rooms
    const record = new CallRecord({ connection: this.#number, head, clock, log })
    log.add(record)
    const early = this.#rooms.fixed === undefined && simulator.mayStrikeEarly(head) ? 'unknown' : 'none'
    this.#current = { head, isKeptAlive, record, chunks: [], bodyBytes: 0, early }
    if (expectsGoAhead) this.#socket.write('HTTP/1.1 100 Continue\r\n\r\n')
  }

  #takeBody(bytes: Uint8Array): void {
    const current = this.#current
    if (!current) return
    current.chunks.push(bytes)
    current.bodyBytes += bytes.length
    current.record.bodyBytes = current.bodyBytes
    if (current.bodyBytes > BODY_BYTES_MAX) return this.#turnAway(413, 'the body is too long')
    if (current.early !== 'none') this.#strikeEarly(current, false)
  }

  #takeEnd(): void {
    const current = this.#current
    if (!current) return
    if (current.early !== 'none' && this.#strikeEarly(current, true)) return
    const body = joined(current.chunks)
    current.record.received(body)
    if (this.#rooms.fixed) return this.#answerFixed(current, body)
    const { simulator } = this.#rooms
    this.#answer(current, simulator.respond(this.#arrival(current, body)))
  }

  /** Strikes if a fault of reading is due; true where it does. */
  #strikeEarly(current: Current, isWhole: boolean): boolean {
    if (current.early === 'unknown') {
      const body = joined(current.chunks)
      const isKnown = isWhole || body.length >= EARLY_BYTES || body.includes('"model"')
      if (!isKnown) return false
      current.early = this.#rooms.simulator.respondEarly(this.#arrival(current, body)) ?? 'none'
    }
    if (current.early === 'none' || typeof current.early === 'string') return false
    const { conduct } = current.early
    if (!isWhole && current.bodyBytes < (conduct.afterBodyBytes ?? 0)) return false
    // The rest of the request is no request any more.
    this.#isDiscarding = true
    if (conduct.stopsReading === true) this.#socket.pause()
    this.#answer(current, current.early)
    return true
  }

  #arrival(current: Current, body: Uint8Array) {
    return { head: current.head, body, number: current.record.number, earlierOnConnection: this.#answered }
  }

  #answer(current: Current, { conduct, request, fault }: Response): void {
    const { record } = current
    record.model = request.model
    record.isStream = request.stream
    if (fault !== undefined) record.fault = fault
    this.#isAnswering = true
    const outlet = new SocketOutlet(this.#socket, {
      clock: this.#rooms.clock,
      isKeptAlive: current.isKeptAlive,
      onResume: () => this.#player?.resume(),
      onBytes: (bytes) => {
        record.bytesWritten += bytes
      },
    })
    this.#player = new Player(conduct.steps, {
      outlet,
      clock: this.#rooms.clock,
      events: {
        onTokens: (tokens) => {
          record.tokensGenerated += tokens
        },
        onAnswered: () => this.#finish(record),
      },
    })
    this.#player.resume()
  }

  /** The answer is out; the next request on this connection may be read, after whatever else the player still does. */
  #finish(record: CallRecord): void {
    record.end('answered')
    this.#current = undefined
    this.#answered += 1
    queueMicrotask(() => {
      this.#isAnswering = false
      this.#socket.resume()
      this.#advance()
    })
  }

  #answerFixed(current: Current, body: Buffer): void {
    const { dialect, stream } = readHead(current.head)
    const fixed = this.#rooms.fixed?.(dialect, stream || asksForStream(body))
    if (!fixed) return
    this.#isAnswering = true
    this.#writeFixed(current, fixed, 0)
  }

  #writeFixed(current: Current, answer: FixedAnswer, index: number): void {
    const bytes = answer.writes[index]
    if (!bytes || this.#isDiscarding) return
    current.record.bytesWritten += bytes.length
    this.#socket.write(bytes)
    if (index + 1 < answer.writes.length) {
      const next = () => this.#writeFixed(current, answer, index + 1)
      if (answer.waitMs > 0) this.#rooms.clock.after(answer.waitMs, next)
      else setImmediate(next)
      return
    }
    current.record.tokensGenerated = answer.tokens
    if (!current.isKeptAlive) this.#socket.end()
    if (!answer.isHeld) this.#finish(current.record)
  }

  #turnAway(status: number, message: string): void {
    this.#isDiscarding = true
    this.#current?.record.end('answered')
    const body = JSON.stringify({
      error: { message, type: 'invalid_request_error', param: null, code: null },
    })
    this.#socket.end(
      `HTTP/1.1 ${status} Simulated\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
    )
  }
}

function joined(chunks: readonly Uint8Array[]): Buffer {
  const [first] = chunks
  if (chunks.length === 1 && first) return Buffer.from(first.buffer, first.byteOffset, first.byteLength)
  return chunks.length === 0 ? EMPTY : Buffer.concat(chunks)
}
