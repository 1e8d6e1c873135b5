import { describe, expect, onTestFinished, test } from 'vitest'
import { Spool } from '../std/spool.ts'
import type { BodySource } from '../std/transport.ts'
import { FormScanner } from '../wire/multipart.ts'
import { spooledForm } from './form-body.ts'

const BODY =
  '--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nabc\r\n' +
  '--b\r\ncontent-disposition: form-data; name="model"\r\n\r\none/m\r\n--b--\r\n'

async function form(body = BODY, onClosed = () => {}) {
  const spool = new Spool({ memoryBytesMax: 20 })
  const scanner = new FormScanner({ boundary: 'b', fields: ['model'] })
  scanner.write(Buffer.from(body))
  scanner.end()
  await spool.write(Buffer.from(body))
  const made = spooledForm({
    contentType: 'multipart/form-data; boundary=b',
    boundary: 'b',
    spool,
    model: scanner.field('model'),
    onClosed,
  })
  onTestFinished(() => made.close())
  return made
}

async function text(source: BodySource): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source.open()) chunks.push(chunk)
  const whole = Buffer.concat(chunks)
  expect(source.length).toBe(whole.length)
  return whole.toString()
}

describe('a form that was received', () => {
  test('is sent with another model, as often as needed', async () => {
    const made = await form()
    expect(made.modelId).toBe('one/m')
    const source = made.source('whisper-large')
    expect(await text(source)).toBe(BODY.replace('one/m', 'whisper-large'))
    expect(await text(source)).toBe(BODY.replace('one/m', 'whisper-large'))
    expect(await text(made.source('x'))).toBe(BODY.replace('one/m', 'x'))
  })

  test('is sent as it came where no model is to be named', async () => {
    expect(await text((await form()).source(undefined))).toBe(BODY)
  })

  test('gets a part for the model where it has none', async () => {
    const made = await form('--b\r\ncontent-disposition: form-data; name="x"\r\n\r\ny\r\n--b--\r\n')
    const sent = await text(made.source('m'))
    const scanner = new FormScanner({ boundary: 'b', fields: ['model', 'x'] })
    scanner.write(Buffer.from(sent))
    scanner.end()
    expect([scanner.field('model')?.value, scanner.field('x')?.value]).toEqual(['m', 'y'])
  })

  test('is given back once', async () => {
    let closings = 0
    const made = await form(BODY, () => {
      closings += 1
    })
    await made.close()
    await made.close()
    expect(closings).toBe(1)
  })
})
