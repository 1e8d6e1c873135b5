import fc from 'fast-check'
import { expect, test } from 'vitest'
import { changeElements, DROP, elementSpans, KEEP } from './json-elements.ts'

const whole = (text: string) => ({ start: 0, end: Buffer.byteLength(text) })

test('finds the elements of any array, however it is spaced', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.constantFrom(undefined, 1, '\t'), (values, space) => {
      const text = JSON.stringify(values, undefined, space)
      const bytes = Buffer.from(text)
      const found = elementSpans(bytes, whole(text)).map(({ start, end }) =>
        JSON.parse(bytes.toString('utf8', start, end)),
      )
      expect(found).toEqual(JSON.parse(text))
    }),
  )
})

test('changes and drops elements, and keeps every byte of the others', () => {
  const text = '[ 1.0e1 , {"a":"]\\\\\\",["} ,12345678901234567890, "x\\"" ]'
  const bytes = Buffer.from(text)
  const changed = changeElements(bytes, whole(text), ({ start, end }) => {
    const element = bytes.toString('utf8', start, end)
    if (element.startsWith('{')) return { type: 'say', text: 'null' }
    return element === '"x\\""' ? DROP : KEEP
  })
  expect(changed).toEqual({ text: '[1.0e1,null,12345678901234567890]', count: 3 })
})

test('says nothing where all elements stay', () => {
  expect(changeElements(Buffer.from('[1,2]'), whole('[1,2]'), () => KEEP)).toBeUndefined()
  expect(changeElements(Buffer.from('[]'), whole('[]'), () => DROP)).toBeUndefined()
})
