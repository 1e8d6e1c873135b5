import fc from 'fast-check'
import { expect, test } from 'vitest'
import { OUTSIDE, Roster, type RosterMember } from './roster.ts'

class Guest implements RosterMember {
  rosterPlace = OUTSIDE
}

test('whoever comes and goes, however often: as a set', () => {
  const course = fc.array(fc.record({ who: fc.nat(7), comes: fc.boolean() }), { maxLength: 60 })
  fc.assert(
    fc.property(course, (steps) => {
      const guests = Array.from({ length: 8 }, () => new Guest())
      const roster = new Roster<Guest>()
      const model = new Set<Guest>()
      for (const { who, comes } of steps) {
        const guest = guests[who] ?? new Guest()
        if (comes) {
          roster.add(guest)
          model.add(guest)
        } else expect(roster.delete(guest)).toBe(model.delete(guest))
        expect(roster.size).toBe(model.size)
        expect(new Set(roster.list())).toEqual(model)
      }
    }),
  )
})

test('a list of those who are in stays as it is while they leave', () => {
  const roster = new Roster<Guest>()
  const guests = [new Guest(), new Guest(), new Guest()]
  for (const guest of guests) roster.add(guest)
  const listed = roster.list()
  for (const guest of listed) roster.delete(guest)
  expect(listed).toEqual(guests)
  expect(roster.size).toBe(0)
})
