import { expect, test } from 'vitest'
import { Gathered } from './gathered.ts'

function stage(countMax: number) {
  const asked: {
    readonly questions: readonly number[]
    readonly answer: PromiseWithResolvers<readonly string[]>
  }[] = []
  const gathered = new Gathered<number, string>((questions) => {
    const answer = Promise.withResolvers<readonly string[]>()
    asked.push({ questions, answer })
    return answer.promise
  }, countMax)
  return { asked, gathered, told: () => asked.map(({ questions }) => questions) }
}

const turn = () => new Promise(setImmediate)

test('one alone goes at once; those that come meanwhile go together, as many as may', async () => {
  const { asked, gathered, told } = stage(2)
  const answers = [1, 2, 3, 4].map((question) => gathered.ask(question))
  expect(told()).toEqual([[1]])
  for (let place = 0; place < 3; place += 1) {
    const questions = asked[place]?.questions ?? []
    asked[place]?.answer.resolve(questions.map((question) => `answer ${question}`))
    await turn()
  }
  expect(told()).toEqual([[1], [2, 3], [4]])
  expect(await Promise.all(answers)).toEqual(['answer 1', 'answer 2', 'answer 3', 'answer 4'])
})

test('what fails is told to those who asked together, and the next is asked all the same', async () => {
  const { asked, gathered, told } = stage(2)
  const first = gathered.ask(1)
  const second = gathered.ask(2)
  asked[0]?.answer.reject(new Error('away'))
  await expect(first).rejects.toThrow('away')
  await turn()
  asked[1]?.answer.resolve(['well'])
  expect(await second).toBe('well')
  expect(told()).toEqual([[1], [2]])
})
