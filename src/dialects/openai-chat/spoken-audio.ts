/** Audio a model speaks in a stream: an id, then data and transcript in pieces, told as one opaque part at the end. */

import type { JsonObject } from '../../std/json.ts'

export class SpokenAudio {
  #id = ''
  #expiresAt: number | undefined
  readonly #data: string[] = []
  readonly #transcript: string[] = []

  add(audio: JsonObject): this {
    const { id, data, transcript, expires_at: expiresAt } = audio
    if (typeof id === 'string' && id !== '') this.#id = id
    if (typeof data === 'string' && data !== '') this.#data.push(data)
    if (typeof transcript === 'string' && transcript !== '') this.#transcript.push(transcript)
    if (typeof expiresAt === 'number' && expiresAt > 0) this.#expiresAt = expiresAt
    return this
  }

  /** `undefined` where nothing was said: servers that fill every field send empty audio. */
  value(): JsonObject | undefined {
    if (this.#id === '' && this.#data.length === 0) return undefined
    return {
      type: 'audio',
      audio: {
        id: this.#id,
        data: this.#data.join(''),
        transcript: this.#transcript.join(''),
        ...(this.#expiresAt === undefined ? {} : { expires_at: this.#expiresAt }),
      },
    }
  }
}
