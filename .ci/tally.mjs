// Checks with names, counted: one line each, and a closing line that .ci/run adds up.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'

let passed = 0
let failed = 0

/** Runs `body`; what it throws fails the check, and is told. */
export function check(name, body) {
  try {
    body()
    passed++
    console.log(`  ✔ ${name}`)
  } catch (error) {
    failed++
    console.log(`  ✘ ${name}\n${error.message.replace(/^/gm, '      ')}`)
  }
}

/** A program that has to end with `status` 0, or as asked, in time. Returns what it wrote. */
export function run(command, args, { status = 0, seconds = 120, ...options } = {}) {
  const made = spawnSync(command, args, { encoding: 'utf8', timeout: seconds * 1000, ...options })
  if (made.error) throw new Error(`${command} ${args.join(' ')}: ${made.error.message}`)
  if (made.status === status) return { stdout: made.stdout, stderr: made.stderr }
  const said = `${made.stdout}\n${made.stderr}`.trim().split('\n').slice(-30).join('\n')
  throw new Error(
    `${command} ${args.join(' ')} ended with ${made.status ?? made.signal}, not ${status}:\n${said}`,
  )
}

export function expect(truth, sentence) {
  if (!truth) throw new Error(sentence)
}

/** Makes a folder that as PATH offers these programs and nothing else, as far as they are here. */
export function pathOf(folder, programs) {
  mkdirSync(folder)
  const places = [dirname(process.execPath), ...process.env.PATH.split(':')]
  for (const program of programs) {
    const found = places.map((place) => join(place, program)).find(existsSync)
    if (found !== undefined) symlinkSync(found, join(folder, program))
  }
  return folder
}

/** Prints the closing line and sets the exit status. */
export function close() {
  console.log(`${passed} passed, ${failed} failed`)
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0
}
